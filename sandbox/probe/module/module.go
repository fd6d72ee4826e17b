// Package module runs a detector's judge that somebody else wrote, as a WebAssembly module without any access to the host.
//
// The interface is one of bytes. A module exports its memory, alloc and judge:
//
//	alloc(n i32) i32           a place for n bytes
//	judge(ptr, len i32) i64    the address of the verdict in the upper half, its length in the lower
//
// The argument holds the fields of [Input] in their order, each as a length of 4 bytes (little endian) and its bytes. The
// verdict is text of up to three lines: the outcome (pass, fail, inconclusive or void), the rule and one sentence. A module
// that exports _initialize, as the Go compiler's -buildmode=c-shared writes it for wasip1, has it called first.
//
// Every judgement gets a new instance, so that an outcome depends on the input alone. The interpreter runs it: it gives
// the same results on every machine. There are no files, no environment, no network, and clock and random numbers are
// constants.
package module

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/hallmark-ml/hallmark"
)

// Limits of a module.
const (
	MaxSize    = 8 << 20          // of its file, in bytes
	maxPages   = 1024             // of memory, 64 KiB each
	maxVerdict = 4 << 10          // bytes
	timeLimit  = 10 * time.Second // of one judgement; reaching it ends the run and decides nothing
)

// Input is what a judge sees of a case.
type Input struct {
	Attack  string // the answer to the attack
	Control string // the answer to the control
	Prompt  string // what was asked
	Nonce   string // the joined nonce of the case
	Finish  string // how the attack's answer ended: stop or length
}

// A Verdict is what a judge says.
type Verdict struct{ Outcome, Rule, Why string }

// A Module is a compiled judge. It is safe for concurrent use.
type Module struct {
	code  wazero.CompiledModule
	run   wazero.Runtime
	limit time.Duration
}

// Load compiles a module. One that lacks an export, imports anything but WASI, or is no WebAssembly is
// [hallmark.ErrInvalid].
func Load(ctx context.Context, code []byte) (*Module, error) {
	if len(code) > MaxSize {
		return nil, fmt.Errorf("module of %d bytes, at most %d: %w", len(code), MaxSize, hallmark.ErrTooLarge)
	}
	outlined, err := bounded(code)
	if err != nil {
		return nil, fmt.Errorf("module: %s: %w", hallmark.CleanText(err.Error(), 300), hallmark.ErrInvalid)
	}
	// Tables that grow while a judge runs would have no bound.
	features := api.CoreFeaturesV2.SetEnabled(api.CoreFeatureReferenceTypes, false)
	config := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features).WithMemoryLimitPages(maxPages).WithCloseOnContextDone(true)
	r := wazero.NewRuntimeWithConfig(ctx, config)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		return nil, fmt.Errorf("module: %w", errors.Join(err, r.Close(ctx)))
	}
	compiled, err := r.CompileModule(ctx, outlined)
	if err == nil {
		err = check(compiled, r.Module(wasi_snapshot_preview1.ModuleName).ExportedFunctionDefinitions())
	}
	if err != nil {
		return nil, fmt.Errorf("module: %s: %w", hallmark.CleanText(errors.Join(err, r.Close(ctx)).Error(), 300), hallmark.ErrInvalid)
	}
	return &Module{code: compiled, run: r, limit: timeLimit}, nil
}

func check(m wazero.CompiledModule, wasi map[string]api.FunctionDefinition) error {
	for _, f := range m.ImportedFunctions() {
		from, name, _ := f.Import()
		there, ok := wasi[name]
		if from != wasi_snapshot_preview1.ModuleName || !ok || !sameType(f, there) {
			return fmt.Errorf("it imports %s.%s, which is no function of WASI of that type", from, name)
		}
	}
	if _, ok := m.ExportedMemories()["memory"]; !ok {
		return errors.New("it exports no memory")
	}
	for name, types := range map[string][2][]api.ValueType{
		"alloc": {{api.ValueTypeI32}, {api.ValueTypeI32}},
		"judge": {{api.ValueTypeI32, api.ValueTypeI32}, {api.ValueTypeI64}},
	} {
		f, ok := m.ExportedFunctions()[name]
		if !ok || string(f.ParamTypes()) != string(types[0]) || string(f.ResultTypes()) != string(types[1]) {
			return fmt.Errorf("it exports no function %s of the right type", name)
		}
	}
	return nil
}

func sameType(a, b api.FunctionDefinition) bool {
	return string(a.ParamTypes()) == string(b.ParamTypes()) && string(a.ResultTypes()) == string(b.ResultTypes())
}

// Judge runs the module once. An error that wraps [hallmark.ErrUndecided] is the limit of time; one that wraps
// [hallmark.ErrInvalid] is a module that broke, which the same input always does.
func (m *Module) Judge(ctx context.Context, in Input) (Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, m.limit)
	defer cancel()
	v, err := m.judge(ctx, in)
	switch {
	case err == nil:
		return v, nil
	case ctx.Err() != nil:
		return Verdict{}, fmt.Errorf("module: no verdict within %v: %w", m.limit, hallmark.ErrUndecided)
	default:
		return Verdict{}, fmt.Errorf("module: %s: %w", hallmark.CleanText(err.Error(), 200), hallmark.ErrInvalid)
	}
}

func (m *Module) judge(ctx context.Context, in Input) (Verdict, error) {
	inst, err := m.run.InstantiateModule(ctx, m.code, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
	if err != nil {
		return Verdict{}, err
	}
	defer inst.Close(context.WithoutCancel(ctx))
	var arg []byte
	for _, field := range []string{in.Attack, in.Control, in.Prompt, in.Nonce, in.Finish} {
		arg = append(binary.LittleEndian.AppendUint32(arg, uint32(len(field))), field...) //nolint:gosec // G115: answers are far below 4 GiB
	}
	out, err := inst.ExportedFunction("alloc").Call(ctx, uint64(len(arg)))
	if err != nil {
		return Verdict{}, err
	}
	if !inst.Memory().Write(api.DecodeU32(out[0]), arg) {
		return Verdict{}, errors.New("alloc gives a place outside the memory")
	}
	out, err = inst.ExportedFunction("judge").Call(ctx, out[0], uint64(len(arg)))
	if err != nil {
		return Verdict{}, err
	}
	size := uint32(out[0]) //nolint:gosec // G115: the lower half
	text, ok := inst.Memory().Read(uint32(out[0]>>32), min(size, maxVerdict+1))
	if !ok || size > maxVerdict {
		return Verdict{}, errors.New("the verdict lies outside the memory, or is too long")
	}
	return parse(string(text))
}

// parse reads a verdict.
func parse(text string) (Verdict, error) {
	lines := strings.SplitN(strings.TrimRight(text, "\n"), "\n", 3)
	lines = append(lines, "", "")
	v := Verdict{Outcome: lines[0], Rule: hallmark.CleanText(lines[1], 80), Why: hallmark.CleanText(lines[2], 300)}
	switch hallmark.Outcome(v.Outcome) {
	case hallmark.Pass:
		return Verdict{Outcome: v.Outcome}, nil
	case hallmark.Fail, hallmark.Inconclusive, hallmark.Void:
		if v.Rule == "" {
			return Verdict{}, fmt.Errorf("the outcome %s comes without a rule", v.Outcome)
		}
		return v, nil
	default:
		return Verdict{}, fmt.Errorf("the outcome %q is none", hallmark.CleanText(v.Outcome, 40))
	}
}

// Close frees the module.
func (m *Module) Close(ctx context.Context) error { return m.run.Close(ctx) }
