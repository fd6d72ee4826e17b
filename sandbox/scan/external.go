package scan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// externalKey begins the keys of the metadata that name files beside the model: the value is how many bytes the file has to
// have, a space, and its path below the model's directory.
const externalKey = "external."

// external notes a file that holds tensor data for this one.
func (s *scanner) external(i int, location string, size uint64) {
	if s.res.Metadata == nil {
		s.res.Metadata = make(map[string]string)
	}
	s.res.Metadata[externalKey+strconv.Itoa(i)] = hallmark.CleanText(strconv.FormatUint(size, 10)+" "+location, maxValue)
}

// External compares what a model needs of the files beside it, by the metadata of its [Result], with their sizes: a reader
// that maps such a file reads past its end. size returns the size of the plain file at a path below the model's directory.
// The file sees itself alone in the jail, so this is asked outside, of numbers and names only.
func External(metadata map[string]string, size func(location string) (int64, bool)) []hallmark.Finding {
	var found []hallmark.Finding
	for i := range maxONNXFiles {
		value, ok := metadata[externalKey+strconv.Itoa(i)]
		if !ok {
			break
		}
		number, location, _ := strings.Cut(value, " ")
		need, err := strconv.ParseUint(number, 10, 63)
		if err != nil || insidePath(location) != nil {
			continue // the jail's word is not believed, and the path is a reason of its own
		}
		f := hallmark.Finding{Detector: Detector, Rule: ruleExternalData, Location: location}
		switch has, there := size(strings.TrimPrefix(location, "./")); {
		case !there:
			f.Severity, f.Message = hallmark.SeverityMedium, "the file with the tensor data is not there, or no plain file"
		case uint64(has) < need: //nolint:gosec // G115: a size
			f.Severity, f.Message = hallmark.SeverityHigh, fmt.Sprintf("the tensor data end at byte %d, the file has %d bytes", need, has)
		default:
			continue
		}
		found = append(found, f)
	}
	return found
}
