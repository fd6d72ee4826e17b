package grammar

import "fmt"

// A Constraint keeps texts of one vocabulary within one grammar. It remembers what it has found out for all of its states,
// so sequences with the same grammar should share one; one goroutine uses it and its states at a time.
type Constraint struct {
	g *Grammar
	v *Vocabulary
	m *machine
}

// NewConstraint returns a constraint that has found out nothing yet.
func NewConstraint(g *Grammar, v *Vocabulary) *Constraint {
	return &Constraint{g: g, v: v, m: newMachine(g, v)}
}

// A State is how far one text has come. A copy of a State goes its own way.
type State struct {
	c      *Constraint
	m      *machine
	config int32
	done   bool
}

// Start returns the state of an empty text. Errors are of type *[LimitError].
func (c *Constraint) Start() (State, error) {
	s := State{c: c}
	c.refresh()
	s.m = c.m
	s.m.work = c.g.limits.Work
	s.m.todo = append(s.m.todo[:0], s.m.push(c.g.rules[c.g.root].start, whole))
	var err error
	s.config, err = s.m.settle()
	return s, err
}

// refresh starts anew when the machine remembers too much. States move over when they are next used.
func (c *Constraint) refresh() {
	if c.m.cost > c.g.limits.CacheBytes {
		c.m = newMachine(c.g, c.v)
	}
}

// use brings the state onto the constraint's machine and grants it a call's work.
func (s *State) use() {
	s.c.refresh()
	if s.m != s.c.m {
		s.config, s.m = s.c.m.adopt(s.m, s.config), s.c.m
	}
	s.m.work = s.c.g.limits.Work
}

// Mask returns the tokens that may come next: id is allowed if bit id%64 of element id/64 is set. The tokens that end a
// text are allowed exactly when the text may end; after one of them, nothing is. The caller must not change the mask.
// It returns ErrStuck if no token is allowed though the text has not ended, and a *[LimitError] if the grammar costs too
// much.
func (s *State) Mask() ([]uint64, error) {
	s.use()
	if s.done {
		return make([]uint64, s.c.v.words()), nil
	}
	mask, err := s.m.mask(s.config)
	if err != nil {
		return nil, err
	}
	for _, w := range mask {
		if w != 0 {
			return mask, nil
		}
	}
	return nil, ErrStuck
}

// Accept adds a token to the text. On an error, which wraps ErrRejected or ErrLimit, the state stays as it was.
func (s *State) Accept(id int32) error {
	v := s.c.v
	switch {
	case s.done || id < 0 || int(id) >= v.size:
		return fmt.Errorf("token %d: %w", id, ErrRejected)
	case v.isEnd[id]:
		if !s.CanEnd() {
			return fmt.Errorf("token %d ends the text too early: %w", id, ErrRejected)
		}
		s.done = true
		return nil
	case v.pieces[id] == "":
		return fmt.Errorf("token %d: %w", id, ErrRejected)
	}
	return s.AcceptText(v.pieces[id])
}

// AcceptText adds bytes to the text that the model did not write as tokens. Errors are those of Accept.
func (s *State) AcceptText(text string) error {
	if s.done {
		return fmt.Errorf("the text has ended: %w", ErrRejected)
	}
	s.use()
	c := s.config
	for i := range len(text) {
		next, err := s.m.step(c, s.c.g.class[text[i]])
		if err != nil {
			return err
		}
		if next == dead {
			return fmt.Errorf("byte %d of %.40q: %w", i, text, ErrRejected)
		}
		c = next
	}
	s.config = c
	return nil
}

// CanEnd reports whether the text may end here.
func (s *State) CanEnd() bool { return !s.done && s.m.configs[s.config].ends }

// Done reports whether a token has ended the text.
func (s *State) Done() bool { return s.done }
