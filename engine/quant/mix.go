package quant

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// role is what a tensor does in a model, as far as its type depends on it.
type role int

const (
	other role = iota
	output
	embedding
	values // also keys, queries and values in one
	keys
	attentionOutput
	down
)

func roleOf(name string) role {
	if name == "output.weight" {
		return output
	}
	if name == "token_embd.weight" || name == "per_layer_token_embd.weight" {
		return embedding
	}
	for _, r := range []struct {
		part string
		role role
	}{
		{"attn_qkv.weight", values},
		{"attn_kv_b.weight", values},
		{"attn_v.weight", values},
		{"attn_k.weight", keys},
		{"attn_q.weight", other},
		{"attn_output.weight", attentionOutput},
		{"ffn_up", other},
		{"ffn_gate", other},
		{"ffn_down", down},
	} {
		if strings.Contains(name, r.part) {
			return r.role
		}
	}
	return other
}

// kept says whether a tensor of that name and number of dimensions keeps its type: norms, vectors, and small weights that matter.
func kept(name string, dims int) bool {
	if dims < 2 || !strings.HasSuffix(name, "weight") || name == "position_embd.weight" || name == "token_types.weight" {
		return true
	}
	return slices.ContainsFunc([]string{
		"_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel", "per_layer_model_proj", "ssm_conv1d",
		"shortconv.conv.weight", "indexer.k_proj.weight", "indexer.q_proj.weight", "attn_rel_b.weight",
		"time_mix_first.weight", "time_mix_w0.weight", "time_mix_w1.weight", "time_mix_w2.weight", "time_mix_v0.weight",
		"time_mix_v1.weight", "time_mix_v2.weight", "time_mix_a0.weight", "time_mix_a1.weight", "time_mix_a2.weight",
		"time_mix_g1.weight", "time_mix_g2.weight", "time_mix_decay_w1.weight", "time_mix_decay_w2.weight",
		"time_mix_lerp_fused.weight",
		".position_embd", "sam.pos_embd", "sam.neck.", "sam.net_", ".rel_pos", ".patch_embd", ".patch_merger", "a.rvq.codebook",
		"mm.a.code_embd",
	}, func(part string) bool { return strings.Contains(name, part) })
}

// mixer chooses the types of a file's tensors, which it has to be asked for in the order of the written file. The rules are
// those of llama.cpp v0.5.0 without an importance matrix: some tensors count more for a model's quality than others.
type mixer struct {
	format
	arch    string
	layers  int
	experts int
	group   int  // query heads for a head of keys and values
	large   bool // of the 70-billion kind: many query heads share small values
	tied    bool // the embedding is the output too
	all     int  // tensors with the role values

	values, downs int // how many of them were asked for
}

// newMixer reads from a file's metadata and tensors what the choice depends on.
func newMixer(f *gguf.File, to format) *mixer {
	m := &mixer{format: to, tied: true}
	m.arch, _ = f.String("general.architecture")
	first := func(key string, otherwise int) int {
		if list, ok := f.Ints(m.arch + key); ok && len(list) > 0 {
			return int(list[0])
		}
		if n, ok := f.Int(m.arch + key); ok {
			return int(n)
		}
		return otherwise
	}
	m.layers = first(".block_count", 0)
	m.experts = first(".expert_count", 0)
	heads := first(".attention.head_count", 0)
	pairs := first(".attention.head_count_kv", heads)
	if pairs > 0 {
		m.group = heads / pairs
	}
	switch m.arch {
	case "llama":
		m.large = m.layers == 80 && heads != pairs
	case "qwen2", "deci", "olmo":
		m.large = m.layers == 80
	case "jais2":
		m.large = m.layers == 68
	}
	for _, t := range f.Tensors {
		switch roleOf(t.Name) {
		case values:
			m.all++
		case output:
			m.tied = false
		default:
		}
	}
	return m
}

// choose returns the type that tensor t is written in.
func (m *mixer) choose(t *gguf.Tensor) (gguf.Type, error) {
	dims := significant(t.Dims)
	if kept(t.Name, len(dims)) {
		return t.Type, nil
	}
	switch m.base {
	case gguf.F32, gguf.F16, gguf.BF16:
		return m.base, nil
	default:
	}
	typ, err := m.wanted(t.Name, dims)
	if err != nil {
		return 0, err
	}
	return fallback(typ, dims[0]), nil
}

// significant cuts trailing dimensions of 1 off.
func significant(dims []uint64) []uint64 {
	for len(dims) > 1 && dims[len(dims)-1] == 1 {
		dims = dims[:len(dims)-1]
	}
	return dims
}

// fallback returns typ or, if rows of that length do not divide into its blocks, the type with smaller blocks to take instead.
func fallback(typ gguf.Type, row uint64) gguf.Type {
	fits := func(t gguf.Type) bool {
		n, _ := t.Block()
		return row%uint64(n) == 0
	}
	if fits(typ) {
		return typ
	}
	switch typ {
	case gguf.Q2_K, gguf.Q3_K:
		typ = gguf.Q4_0
	case gguf.Q4_K:
		typ = gguf.Q5_0
	case gguf.Q5_K:
		typ = gguf.Q5_1
	case gguf.Q6_K:
		typ = gguf.Q8_0
	case gguf.IQ4_XS:
		typ = gguf.IQ4_NL
	default:
	}
	if fits(typ) {
		return typ
	}
	return gguf.F16
}

// wanted is choose without regard to the length of rows.
func (m *mixer) wanted(name string, dims []uint64) (gguf.Type, error) {
	r := roleOf(name)
	switch {
	case r == output || r == embedding && m.tied:
		return m.output(dims), nil
	case m.number == MXFP4_MoE:
		if len(dims) > 2 && dims[2] > 1 {
			return gguf.MXFP4, nil
		}
		return gguf.Q8_0, nil
	case r == values:
		return m.value(), nil
	case r == keys && m.experts == 8:
		return gguf.Q8_0, nil
	case r == attentionOutput:
		return m.attentionOutput(), nil
	case r == down:
		return m.down(name)
	default:
		return m.base, nil
	}
}

func (m *mixer) output(dims []uint64) gguf.Type {
	n, _ := m.base.Block()
	if m.number == MXFP4_MoE || m.number == Q8_0 || m.arch == "falcon" || dims[0]%uint64(n) != 0 {
		return gguf.Q8_0
	}
	return gguf.Q6_K
}

// moreBits says whether layer i of n is among the first or last eighth, or every third between.
func moreBits(i, n int) bool { return i < n/8 || i >= 7*n/8 || (i-n/8)%3 == 2 }

func (m *mixer) value() gguf.Type {
	i := m.values
	m.values++
	if m.experts == 8 {
		return gguf.Q8_0
	}
	typ := m.base
	switch m.number {
	case Q2_K:
		typ = gguf.Q3_K
		if m.group >= 4 {
			typ = gguf.Q4_K
		}
	case Q3_K_M:
		typ = gguf.Q4_K
		if i < 2 {
			typ = gguf.Q5_K
		}
	case Q3_K_L:
		typ = gguf.Q5_K
	case IQ4_NL, IQ4_XS:
		if m.group >= 4 {
			typ = gguf.Q5_K
		}
	case Q4_K_S:
		if i < 4 {
			typ = gguf.Q5_K
		}
	case Q4_K_M, Q5_K_M:
		if moreBits(i, m.all) {
			typ = gguf.Q6_K
		}
	default:
	}
	if m.large && (typ == gguf.Q3_K || typ == gguf.Q4_K) {
		return gguf.Q5_K
	}
	return typ
}

func (m *mixer) attentionOutput() gguf.Type {
	if m.arch == "falcon" {
		if m.number == Q3_K_L {
			return gguf.Q4_K
		}
		return m.base
	}
	if m.experts == 8 {
		switch m.number {
		case Q2_K, Q3_K_S, Q3_K_M, Q4_K_S, Q4_K_M, IQ4_NL, IQ4_XS:
			return gguf.Q5_K
		default:
			return m.base
		}
	}
	switch m.number {
	case Q2_K:
		return gguf.Q3_K
	case Q3_K_M:
		return gguf.Q4_K
	case Q3_K_L:
		return gguf.Q5_K
	default:
		return m.base
	}
}

func (m *mixer) down(name string) (gguf.Type, error) {
	i, n := m.downs, m.layers
	m.downs++
	if m.experts > 1 { // which do not come in the order of layers
		if i = layerOf(name); i < 0 || i >= n {
			return 0, fmt.Errorf("tensor %.64q is of no layer of %d: %w", name, n, gguf.ErrInvalid)
		}
	}
	if m.arch == "falcon" {
		return m.downFalcon(i, n), nil
	}
	switch m.number {
	case Q2_K:
		return gguf.Q3_K, nil
	case Q3_K_M:
		if i < n/16 {
			return gguf.Q5_K, nil
		}
		return gguf.Q4_K, nil
	case Q3_K_L:
		return gguf.Q5_K, nil
	case Q4_K_M, Q5_K_M:
		if moreBits(i, n) {
			return gguf.Q6_K, nil
		}
	case IQ4_NL, IQ4_XS, Q4_K_S:
		if i < n/8 {
			return gguf.Q5_K, nil
		}
	default:
	}
	return m.base, nil
}

func (m *mixer) downFalcon(i, n int) gguf.Type {
	first, more := i < n/16, moreBits(i, n)
	switch {
	case m.number == Q2_K:
		return gguf.Q3_K
	case m.number == Q3_K_L:
		return gguf.Q4_K
	case m.number == Q3_K_M && first, m.number == Q4_K_M && more && !first:
		return gguf.Q5_K
	case m.number == Q3_K_M && more:
		return gguf.Q4_K
	case m.number == Q4_K_M && first, m.number == Q5_K_M && more:
		return gguf.Q6_K
	case (m.number == IQ4_NL || m.number == IQ4_XS) && i < n/8:
		return gguf.Q5_K
	default:
		return m.base
	}
}

// layerOf returns the number in a name "blk.N....", or -1.
func layerOf(name string) int {
	rest, ok := strings.CutPrefix(name, "blk.")
	if !ok {
		return -1
	}
	n, digits := 0, 0
	for ; digits < len(rest) && digits < 9 && rest[digits] >= '0' && rest[digits] <= '9'; digits++ {
		n = 10*n + int(rest[digits]-'0')
	}
	if digits == 0 {
		return -1
	}
	return n
}

// byLayer orders tensors as the written file has them: those of no layer first, then layer by layer, by name.
func byLayer(a, b *gguf.Tensor) int {
	return cmp.Or(cmp.Compare(layerOf(a.Name), layerOf(b.Name)), cmp.Compare(a.Name, b.Name))
}
