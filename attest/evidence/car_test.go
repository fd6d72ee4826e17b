package evidence

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	"github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/storage"
	"github.com/multiformats/go-multihash"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

// carOf returns a CAR of documents.
func carOf(tb testing.TB, documents ...[]byte) []byte {
	tb.Helper()
	s := openStore(tb)
	var roots []string
	for _, data := range documents {
		id, err := s.Put(tb.Context(), data)
		require.NoError(tb, err)
		roots = append(roots, id)
	}
	return export(tb, s, roots...)
}

func export(tb testing.TB, s *Store, roots ...string) []byte {
	tb.Helper()
	var out bytes.Buffer
	require.NoError(tb, s.ExportCAR(tb.Context(), &out, nil, roots...))
	return out.Bytes()
}

func TestCARRoundTrip(t *testing.T) {
	t.Parallel()

	from := openStore(t)
	report, err := from.Put(t.Context(), []byte("a report"))
	require.NoError(t, err)
	dir := t.TempDir()
	data := stream(t, 3<<20+7)
	write(t, filepath.Join(dir, "model"), data)
	write(t, filepath.Join(dir, "copy of the model"), data) // its blocks are written once
	model, err := from.AddFile(t.Context(), dir)
	require.NoError(t, err)

	text := export(t, from, report, model)
	require.Equal(t, text, export(t, from, report, model), "the same bytes every time")
	require.Less(t, len(text), len(data)+2000)

	to := openStore(t)
	roots, err := to.ImportCAR(t.Context(), bytes.NewReader(text), Limits{})
	require.NoError(t, err)
	require.Equal(t, []string{report, model}, roots)
	require.Equal(t, text, export(t, to, roots...))

	again, err := to.ImportCAR(t.Context(), bytes.NewReader(text), Limits{})
	require.NoError(t, err)
	require.Equal(t, roots, again)
}

// What a gateway has is exported like what is here, and it is told how far that has come.
func TestCAROfAGateway(t *testing.T) {
	t.Parallel()

	s := openStore(t)
	path := write(t, filepath.Join(t.TempDir(), "model"), stream(t, 3<<20+7))
	model, err := s.AddFile(t.Context(), path)
	require.NoError(t, err)
	report, err := s.Put(t.Context(), []byte("a report"))
	require.NoError(t, err)
	h, err := s.Handler()
	require.NoError(t, err)
	client, url := serve(t, h)

	var out bytes.Buffer
	var told []Tally
	tell := func(n Tally) { told = append(told, n) }
	require.NoError(t, FetchCAR(t.Context(), client, url, &out, tell, report, model))
	require.Equal(t, export(t, s, report, model), out.Bytes())
	last := told[len(told)-1]
	require.Len(t, told, last.Blocks)
	require.Equal(t, last.Total, last.Bytes, "all that the roots tell of")
	require.Equal(t, Tally{Blocks: 1, Bytes: 8, Total: last.Total}, told[0])

	var imported []Tally
	_, err = openStore(t).ImportCAR(t.Context(), &out, Limits{Told: func(n Tally) { imported = append(imported, n) }})
	require.NoError(t, err)
	require.Len(t, imported, last.Blocks)
	require.Equal(t, last.Bytes, imported[len(imported)-1].Bytes)

	require.ErrorIs(t, FetchCAR(t.Context(), client, url, io.Discard, nil, goldenFiles[0].cid), hallmark.ErrEvidenceMissing)
	require.ErrorIs(t, FetchCAR(t.Context(), client, "x", io.Discard, nil, model), hallmark.ErrInvalid)
	write(t, path, make([]byte, 3<<20+7))
	require.Error(t, FetchCAR(t.Context(), client, url, io.Discard, nil, model), "the file has changed")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.ExportCAR(ctx, io.Discard, nil, report), context.Canceled)
}

func TestExportOfWhatIsNotThere(t *testing.T) {
	t.Parallel()

	s := openStore(t)
	require.ErrorIs(t, s.ExportCAR(t.Context(), io.Discard, nil, goldenFiles[0].cid), hallmark.ErrNotFound)
	require.ErrorIs(t, s.ExportCAR(t.Context(), io.Discard, nil, "x"), hallmark.ErrInvalid)
}

// rawCAR writes a CAR of blocks that need not be what their CIDs say.
func rawCAR(tb testing.TB, roots []cid.Cid, blocks map[cid.Cid][]byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	w, err := storage.NewWritable(&out, roots, car.WriteAsCarV1(true))
	require.NoError(tb, err)
	for c, data := range blocks {
		require.NoError(tb, w.Put(tb.Context(), c.KeyString(), data))
	}
	return out.Bytes()
}

func cidOf(tb testing.TB, codec, hash uint64, data []byte) cid.Cid {
	tb.Helper()
	c, err := cid.Prefix{Version: 1, Codec: codec, MhType: hash, MhLength: -1}.Sum(data)
	require.NoError(tb, err)
	return c
}

func TestCARsThatAreRefused(t *testing.T) {
	t.Parallel()

	good := carOf(t, stream(t, 2<<20))
	doc := []byte("a report")
	raw, absent := cidOf(t, cid.Raw, multihash.SHA2_256, doc), cidOf(t, cid.Raw, multihash.SHA2_256, []byte("absent"))
	pb := cidOf(t, cid.DagProtobuf, multihash.SHA2_256, doc)
	sha512 := cidOf(t, cid.Raw, multihash.SHA2_512, doc)
	jsonCID := cidOf(t, cid.DagJSON, multihash.SHA2_256, doc)
	huge := make([]byte, maxBlock+1000)
	hugeCID := cidOf(t, cid.Raw, multihash.SHA2_256, huge)
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1

	for name, tt := range map[string]struct {
		car  []byte
		lim  Limits
		kind error
	}{
		"empty":              {nil, Limits{}, hallmark.ErrInvalid},
		"no CAR":             {[]byte("PK\x03\x04"), Limits{}, hallmark.ErrInvalid},
		"version 2":          {[]byte(carV2 + strings.Repeat("\x00", 40)), Limits{}, hallmark.ErrInvalid},
		"no roots":           {rawCAR(t, []cid.Cid{}, nil), Limits{}, hallmark.ErrInvalid},
		"truncated":          {good[:len(good)-1], Limits{}, hallmark.ErrInvalid},
		"truncated header":   {good[:20], Limits{}, hallmark.ErrInvalid},
		"one bit changed":    {flipped, Limits{}, hallmark.ErrDigest},
		"block not its CID":  {rawCAR(t, []cid.Cid{raw}, map[cid.Cid][]byte{raw: []byte("a retort")}), Limits{}, hallmark.ErrDigest},
		"root not there":     {rawCAR(t, []cid.Cid{absent}, map[cid.Cid][]byte{raw: doc}), Limits{}, hallmark.ErrEvidenceMissing},
		"leaf not there":     {good[:1<<20+300], Limits{}, hallmark.ErrInvalid},
		"other hash":         {rawCAR(t, []cid.Cid{sha512}, map[cid.Cid][]byte{sha512: doc}), Limits{}, hallmark.ErrInvalid},
		"other codec":        {rawCAR(t, []cid.Cid{jsonCID}, map[cid.Cid][]byte{jsonCID: doc}), Limits{}, hallmark.ErrInvalid},
		"not dag-pb":         {rawCAR(t, []cid.Cid{pb}, map[cid.Cid][]byte{pb: doc}), Limits{}, hallmark.ErrInvalid},
		"block too large":    {rawCAR(t, []cid.Cid{hugeCID}, map[cid.Cid][]byte{hugeCID: huge}), Limits{}, hallmark.ErrInvalid},
		"at the byte limit":  {good, Limits{Bytes: int64(len(good))}, nil},
		"over the bytes":     {good, Limits{Bytes: int64(len(good)) - 1}, hallmark.ErrTooLarge},
		"at the block limit": {good, Limits{Blocks: 3}, nil},
		"over the blocks":    {good, Limits{Blocks: 2}, hallmark.ErrTooLarge},
		"over the links":     {manyLinks(t), Limits{Blocks: 2}, hallmark.ErrTooLarge},
		"at the links":       {manyLinks(t), Limits{Blocks: 3}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t)
			before := storedBytes(t, s)
			_, err := s.ImportCAR(t.Context(), bytes.NewReader(tt.car), tt.lim)
			require.ErrorIs(t, err, tt.kind)
			if tt.kind != nil {
				require.Equal(t, before, storedBytes(t, s), "nothing of it stays")
			}
		})
	}
}

// manyLinks is a CAR of two blocks, one of which names the other three times.
func manyLinks(t *testing.T) []byte {
	t.Helper()
	return carOf(t, make([]byte, 3<<20))
}

// An import that fails takes back what it wrote, but not what somebody else stored meanwhile.
func TestFailedImportLeavesWhatOthersStored(t *testing.T) {
	t.Parallel()

	s := openStore(t)
	before := storedBytes(t, s)
	block := func(text string) *blocks.BasicBlock {
		b, err := blocks.NewBlockWithCid([]byte(text), cidOf(t, cid.Raw, multihash.SHA2_256, []byte(text)))
		require.NoError(t, err)
		return b
	}
	for _, text := range []string{"of the import", "of both", "of both"} {
		require.NoError(t, s.writeUnsettled(block(text)))
	}
	id, err := s.Put(t.Context(), []byte("of both"))
	require.NoError(t, err)
	require.NoError(t, s.takeBack())
	got, err := s.Get(t.Context(), id, 100)
	require.NoError(t, err)
	require.Equal(t, "of both", string(got))
	_, err = s.Get(t.Context(), block("of the import").Cid().String(), 100)
	require.ErrorIs(t, err, hallmark.ErrNotFound)
	require.Equal(t, before+int64(len("of both")), storedBytes(t, s))
}

// A CAR whose last block cannot be written leaves nothing.
func TestImportThatCannotBeWrittenLeavesNothing(t *testing.T) {
	t.Parallel()

	s := openStore(t)
	doc := []byte("the last")
	last := cidOf(t, cid.Raw, multihash.SHA2_256, doc)
	d, err := digestOf(last)
	require.NoError(t, err)
	write(t, filepath.Dir(s.blockPath(d)), []byte("in the way"))
	before := storedBytes(t, s)
	_, err = s.ImportCAR(t.Context(), bytes.NewReader(carOf(t, []byte("the first"), doc)), Limits{})
	require.ErrorIs(t, err, syscall.ENOTDIR)
	require.Equal(t, before, storedBytes(t, s))
	roots, err := s.ImportCAR(t.Context(), bytes.NewReader(carOf(t, []byte("the first"))), Limits{})
	require.NoError(t, err)
	require.Len(t, roots, 1)
}

func FuzzImportCAR(f *testing.F) {
	good := carOf(f, []byte("a report"))
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(carV2))
	f.Add([]byte("\x3a\xa2\x65roots\x80\x67version\x01"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := openStore(t)
		roots, err := s.ImportCAR(t.Context(), bytes.NewReader(text), Limits{Bytes: 1 << 16, Blocks: 16})
		if err == nil {
			export(t, s, roots...)
		}
	})
}

func serve(t *testing.T, h http.Handler) (*http.Client, string) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.Client(), srv.URL
}

// fetch returns status, content type and body.
func fetch(t *testing.T, client *http.Client, url string) (status int, contentType string, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	resp, err := client.Do(req)
	require.NoError(t, err)
	body, err = io.ReadAll(resp.Body)
	require.NoError(t, resp.Body.Close())
	require.NoError(t, err)
	return resp.StatusCode, resp.Header.Get("Content-Type"), body
}

func TestGateway(t *testing.T) {
	t.Parallel()

	s := openStore(t)
	data := stream(t, 2<<20)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "m.gguf"), data)
	root, err := s.AddFile(t.Context(), dir)
	require.NoError(t, err)
	id := goldenFiles[6].cid
	h, err := s.Handler()
	require.NoError(t, err)
	client, url := serve(t, h)

	status, _, body := fetch(t, client, url+"/ipfs/"+id)
	require.Equal(t, http.StatusOK, status)
	require.True(t, bytes.Equal(data, body))
	_, _, body = fetch(t, client, url+"/ipfs/"+root+"/m.gguf")
	require.True(t, bytes.Equal(data, body))

	_, contentType, body := fetch(t, client, url+"/ipfs/"+id+"?format=raw")
	require.Equal(t, "application/vnd.ipld.raw", contentType)
	c, err := cid.Decode(id)
	require.NoError(t, err)
	_, err = decode(c, body)
	require.NoError(t, err)

	_, contentType, body = fetch(t, client, url+"/ipfs/"+root+"?format=car")
	require.Contains(t, contentType, "application/vnd.ipld.car")
	roots, err := openStore(t).ImportCAR(t.Context(), bytes.NewReader(body), Limits{})
	require.NoError(t, err)
	require.Equal(t, []string{root}, roots)

	status, _, _ = fetch(t, client, url+"/ipfs/"+goldenFiles[1].cid)
	require.Equal(t, http.StatusNotFound, status)
	status, _, _ = fetch(t, client, url+"/ipns/example.com")
	require.Equal(t, http.StatusNotFound, status)
	status, _, _ = fetch(t, client, url+"/ipfs/nonsense")
	require.Equal(t, http.StatusBadRequest, status)
}

func TestGatewayGivesNoWrongBytes(t *testing.T) {
	t.Parallel()

	s := openStore(t)
	path := write(t, filepath.Join(t.TempDir(), "model"), stream(t, 1<<20))
	id, err := s.AddFile(t.Context(), path)
	require.NoError(t, err)
	write(t, path, make([]byte, 1<<20))
	h, err := s.Handler()
	require.NoError(t, err)
	client, url := serve(t, h)
	for _, query := range []string{"", "?format=raw"} {
		status, _, _ := fetch(t, client, url+"/ipfs/"+id+query)
		require.Equal(t, http.StatusInternalServerError, status, query)
	}
}

func TestFetchVerified(t *testing.T) {
	t.Parallel()

	s := openStore(t)
	data := stream(t, 12<<20) // more leaves than are asked for ahead
	big, err := s.Put(t.Context(), data)
	require.NoError(t, err)
	small, err := s.Put(t.Context(), []byte("a report"))
	require.NoError(t, err)
	h, err := s.Handler()
	require.NoError(t, err)
	client, url := serve(t, h)

	got, err := FetchVerified(t.Context(), client, url, big, int64(len(data)))
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got))
	got, err = FetchVerified(t.Context(), client, url+"/", small, 8)
	require.NoError(t, err)
	require.Equal(t, "a report", string(got))

	for name, tt := range map[string]struct {
		url, id string
		limit   int64
		kind    error
	}{
		"over the limit":      {url, small, 7, hallmark.ErrTooLarge},
		"tree over the limit": {url, big, int64(len(data)) - 1, hallmark.ErrTooLarge},
		"missing":             {url, goldenFiles[1].cid, 9, hallmark.ErrNotFound},
		"missing evidence":    {url, goldenFiles[1].cid, 9, hallmark.ErrEvidenceMissing},
		"no CID":              {url, "x", 9, hallmark.ErrInvalid},
		"no URL":              {"ftp://x", small, 9, hallmark.ErrInvalid},
		"no gateway there":    {"http://127.0.0.1:1", small, 9, hallmark.ErrUnavailable},
	} {
		_, err := FetchVerified(t.Context(), client, tt.url, tt.id, tt.limit)
		require.ErrorIs(t, err, tt.kind, name)
	}
}

func TestFetchVerifiedTrustsNoGateway(t *testing.T) {
	t.Parallel()

	s := openStore(t)
	big, err := s.Put(t.Context(), stream(t, 3<<20))
	require.NoError(t, err)
	honest, err := s.Handler()
	require.NoError(t, err)

	// tamper changes the body of every block but the root.
	tampering := func(tamper func([]byte) []byte, status int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, big) {
				honest.ServeHTTP(w, r)
				return
			}
			rec := httptest.NewRecorder()
			honest.ServeHTTP(rec, r)
			w.WriteHeader(status)
			_, _ = w.Write(tamper(rec.Body.Bytes()))
		})
	}
	for name, tt := range map[string]struct {
		h    http.Handler
		kind error
	}{
		"one bit":     {tampering(func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, 200), hallmark.ErrDigest},
		"cut":         {tampering(func(b []byte) []byte { return b[:len(b)-1] }, 200), hallmark.ErrDigest},
		"empty":       {tampering(func([]byte) []byte { return nil }, 200), hallmark.ErrDigest},
		"endless":     {tampering(func(b []byte) []byte { return bytes.Repeat(b, 3) }, 200), hallmark.ErrTooLarge},
		"no content":  {tampering(func(b []byte) []byte { return b }, 500), hallmark.ErrUnavailable},
		"leaf absent": {tampering(func(b []byte) []byte { return b }, 404), hallmark.ErrEvidenceMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, url := serve(t, tt.h)
			_, err := FetchVerified(t.Context(), client, url, big, 4<<20)
			require.ErrorIs(t, err, tt.kind)
		})
	}
}
