package quant

import (
	"fmt"
	"strings"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// FileType is a way to quantise a whole file, numbered as in the metadata key general.file_type. Those with a suffix mix types.
type FileType uint32

// The file types that [File] writes.
const (
	AllF32    FileType = 0
	F16       FileType = 1
	Q4_0      FileType = 2
	Q4_1      FileType = 3
	Q8_0      FileType = 7
	Q5_0      FileType = 8
	Q5_1      FileType = 9
	Q2_K      FileType = 10
	Q3_K_S    FileType = 11
	Q3_K_M    FileType = 12
	Q3_K_L    FileType = 13
	Q4_K_S    FileType = 14
	Q4_K_M    FileType = 15
	Q5_K_S    FileType = 16
	Q5_K_M    FileType = 17
	Q6_K      FileType = 18
	IQ4_NL    FileType = 25
	IQ4_XS    FileType = 30
	BF16      FileType = 32
	MXFP4_MoE FileType = 38
)

// format is a file type's name and the type of most of its tensors.
type format struct {
	number FileType
	name   string
	base   gguf.Type
}

func formats() []format {
	return []format{
		{AllF32, "F32", gguf.F32},
		{F16, "F16", gguf.F16},
		{BF16, "BF16", gguf.BF16},
		{Q8_0, "Q8_0", gguf.Q8_0},
		{Q4_0, "Q4_0", gguf.Q4_0},
		{Q4_1, "Q4_1", gguf.Q4_1},
		{Q5_0, "Q5_0", gguf.Q5_0},
		{Q5_1, "Q5_1", gguf.Q5_1},
		{Q2_K, "Q2_K", gguf.Q2_K},
		{Q3_K_S, "Q3_K_S", gguf.Q3_K},
		{Q3_K_M, "Q3_K_M", gguf.Q3_K},
		{Q3_K_L, "Q3_K_L", gguf.Q3_K},
		{Q4_K_S, "Q4_K_S", gguf.Q4_K},
		{Q4_K_M, "Q4_K_M", gguf.Q4_K},
		{Q5_K_S, "Q5_K_S", gguf.Q5_K},
		{Q5_K_M, "Q5_K_M", gguf.Q5_K},
		{Q6_K, "Q6_K", gguf.Q6_K},
		{IQ4_NL, "IQ4_NL", gguf.IQ4_NL},
		{IQ4_XS, "IQ4_XS", gguf.IQ4_XS},
		{MXFP4_MoE, "MXFP4_MOE", gguf.MXFP4},
	}
}

// FileTypes returns the file types that [File] writes.
func FileTypes() []FileType {
	var all []FileType
	for _, f := range formats() {
		all = append(all, f.number)
	}
	return all
}

func (t FileType) format() (format, bool) {
	for _, f := range formats() {
		if f.number == t {
			return f, true
		}
	}
	return format{}, false
}

func (t FileType) String() string {
	if f, ok := t.format(); ok {
		return f.name
	}
	return fmt.Sprintf("file type %d", uint32(t))
}

// ParseFileType returns the file type of that name, in letters of any case. Q3_K, Q4_K and Q5_K are short for their medium mix.
func ParseFileType(name string) (FileType, error) {
	for _, f := range formats() {
		if strings.EqualFold(f.name, name) || strings.EqualFold(f.name, name+"_M") {
			return f.number, nil
		}
	}
	var known []string
	for _, f := range formats() {
		known = append(known, f.name)
	}
	return 0, fmt.Errorf("file type %.40q, known are %s: %w", name, strings.Join(known, ", "), ErrType)
}
