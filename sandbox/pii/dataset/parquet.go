package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/pii"
)

// valuesAtOnce is how many values of a column are read at once.
const valuesAtOnce = 1024

// parquet scans the texts of a Parquet file, column by column.
func (s *Scanner) parquet(ctx context.Context, name string, f io.ReaderAt, size int64, progress func(int64), emit func(Finding) error) (err error) {
	defer func() {
		// The library panics on some malformed files; none of this package's code can.
		if r := recover(); r != nil {
			err = fmt.Errorf("read Parquet file %s: %v: %w", name, r, hallmark.ErrInvalid)
		}
	}()
	file, err := parquet.OpenFile(f, size, parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
	if err != nil {
		return fmt.Errorf("open Parquet file %s: %w: %w", name, err, hallmark.ErrInvalid)
	}
	columns := file.Schema().Columns()
	for i := range columns {
		if err := s.columnName(name, strings.Join(columns[i], "."), emit); err != nil {
			return err
		}
	}
	rows, chunks := int64(0), int64(len(file.RowGroups()))*int64(len(columns))
	done := int64(0)
	for _, group := range file.RowGroups() {
		for i, chunk := range group.ColumnChunks() {
			if i >= len(columns) {
				break
			}
			c := column{s: s, path: name, name: strings.Join(columns[i], "."), emit: emit, row: rows}
			c.shown = pii.Redact(c.name)
			if err := c.scan(ctx, chunk); err != nil {
				return fmt.Errorf("read column %s of %s: %w", c.shown, name, err)
			}
			done++
			progress(size * done / max(1, chunks))
		}
		rows += group.NumRows()
	}
	return nil
}

// columnName scans the name of a column, which is a value where rows were turned into columns.
func (s *Scanner) columnName(path, name string, emit func(Finding) error) error {
	for _, m := range s.scanner.Scan(name) {
		start, end := placesIn(name, m)
		f := s.finding(path, m, start, end, name[m.Start:m.End])
		f.Column = pii.Redact(name)
		if err := emit(f); err != nil {
			return err
		}
	}
	return nil
}

// placesIn are the ends of a match in its text.
func placesIn(text string, m pii.Match) (start, end pii.Place) {
	start = pii.Place{Byte: int64(m.Start), Rune: int64(utf8.RuneCountInString(text[:m.Start]))}
	return start, pii.Place{Byte: int64(m.End), Rune: start.Rune + int64(utf8.RuneCountInString(text[m.Start:m.End]))}
}

// A column is scanned value by value.
type column struct {
	s          *Scanner
	path, name string
	shown      string // its name without personal data
	emit       func(Finding) error
	row        int64 // of the next value that begins one
	fields     [1]pii.Field
}

func (c *column) scan(ctx context.Context, chunk parquet.ColumnChunk) error {
	switch chunk.Type().Kind() {
	case parquet.ByteArray, parquet.FixedLenByteArray, parquet.Int32, parquet.Int64, parquet.Double:
	default:
		return nil
	}
	pages := chunk.Pages()
	defer pages.Close()
	values := make([]parquet.Value, valuesAtOnce)
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", err, hallmark.ErrInvalid)
		}
		err = c.page(ctx, page.Values(), values)
		parquet.Release(page)
		if err != nil {
			return err
		}
	}
}

func (c *column) page(ctx context.Context, r parquet.ValueReader, values []parquet.Value) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.ReadValues(values)
		for _, v := range values[:n] {
			if v.RepetitionLevel() == 0 {
				c.row++
			}
			if err := c.value(v); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", err, hallmark.ErrInvalid)
		}
	}
}

// textOf is the text of a value of a kind that is scanned. Of fractions there is none; whole numbers are fractions in columns
// that lack some.
func textOf(v parquet.Value) string {
	switch v.Kind() {
	case parquet.Int32:
		return strconv.FormatInt(int64(v.Int32()), 10)
	case parquet.Int64:
		return strconv.FormatInt(v.Int64(), 10)
	case parquet.Double:
		const exact = 1 << 53 // every whole number up to it is one of these
		if x := v.Double(); x == math.Trunc(x) && math.Abs(x) <= exact {
			return strconv.FormatInt(int64(x), 10)
		}
		return ""
	default:
		return string(v.ByteArray())
	}
}

// value scans one value; texts only, and whole numbers, which are the digits that people write.
func (c *column) value(v parquet.Value) error {
	if v.IsNull() {
		return nil
	}
	text := textOf(v)
	c.fields[0] = pii.Field{End: len(text), Name: c.name}
	for _, m := range c.s.scanner.ScanFields(text, c.fields[:]) {
		start, end := placesIn(text, m)
		f := c.s.finding(c.path, m, start, end, text[m.Start:m.End])
		row := c.row - 1
		f.Column, f.Row = c.shown, &row
		if err := c.emit(f); err != nil {
			return err
		}
	}
	return nil
}
