package scan

import "fmt"

// joblibWrapper stands for an array in files of joblib.
const joblibWrapper = "joblib.numpy_pickle.NumpyArrayWrapper"

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
	if state.kind() != kindDict {
		return fmt.Errorf("an array's description: %w", errPickle)
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
	if dtype.size == 0 || m.object8 && dtype.record || n > maxInt/uint64(dtype.size) {
		return fmt.Errorf("an array's type: %w", errPickle)
	}
	if align, there := fields["numpy_array_alignment_bytes"]; there && align.kind() == kindInt {
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
