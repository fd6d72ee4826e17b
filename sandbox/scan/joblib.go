package scan

import "fmt"

// joblibWrapper stands for an array in files of joblib.
const joblibWrapper = "joblib.numpy_pickle.NumpyArrayWrapper"

// joblibFields are all that a description of an array has. Others would be methods of the wrapper's own, by which it reads
// other bytes than are passed over here, or none.
var joblibFields = map[string]bool{"subclass": true, "shape": true, "order": true, "dtype": true, "allow_mmap": true, "numpy_array_alignment_bytes": true}

// keep stores an entry of a dictionary that may describe an array of joblib.
func (m *machine) keep(dict value, name string, v value) {
	switch name {
	case "shape", "dtype", "numpy_array_alignment_bytes":
		id := dict.payload()
		if m.states[id] == nil && len(m.states) < 1<<16 {
			m.states[id] = map[string]value{}
		}
		if m.states[id] != nil {
			m.states[id][name] = v
		}
	}
}

// joblibArray passes over the elements of an array, which joblib writes into the pickle right behind the opcode that sets
// the wrapper's state; an array of objects is a pickle of its own there.
//
// Source: joblib's numpy_pickle module, class NumpyArrayWrapper.
func (m *machine) joblibArray(state value) error {
	if state.kind() != kindDict || m.objectOf(state).flags&keyForeign != 0 {
		return fmt.Errorf("an array's description: %w", errPickle)
	}
	if m.in.pos() < m.frame { // the reader has the frame in memory, and takes the elements from behind it
		return fmt.Errorf("an array in a frame: %w", errPickle)
	}
	fields := m.states[state.payload()]
	delete(m.states, state.payload())
	dtype := m.objectOf(fields["dtype"])
	n, ok := m.product(fields["shape"])
	if dtype == nil || !ok || m.madeBy(fields["dtype"]) != "numpy.dtype" {
		return fmt.Errorf("an array's shape or type: %w", errPickle)
	}
	if dtype.object {
		if m.object == nil {
			return fmt.Errorf("objects in objects: %w", errFull)
		}
		return m.object(m.in)
	}
	if dtype.size == 0 || n > maxInt/uint64(dtype.size) {
		return fmt.Errorf("an array's type: %w", errPickle)
	}
	align, there := fields["numpy_array_alignment_bytes"]
	if there && align.kind() != kindInt && align.kind() != kindNone {
		return fmt.Errorf("an array's alignment: %w", errPickle)
	}
	if there && align.kind() == kindInt {
		padding, err := m.in.byte()
		if err != nil {
			return err
		}
		if err := m.in.skip(uint64(padding)); err != nil {
			return err
		}
	}
	return m.in.skip(n * uint64(dtype.size))
}
