// Package grammar keeps generated text within a language: a grammar in the GBNF notation of llama.cpp ([ParseGBNF]) or the
// JSON that a schema describes ([FromSchema]).
//
// Both become one automaton over bytes: states with byte ranges, calls of rules and ends of rules. A [Constraint] joins it
// with a [Vocabulary]. Its machine makes the automaton deterministic while it is used: a configuration is the set of
// stacks that the text so far can lead to, and for each byte the next configuration is found once. The tokens that a
// configuration allows are found by walking a trie of the vocabulary's bytes, and remembered.
//
// Most of that walk does not depend on the stack: what a state allows until its rule ends is found once a state, with the
// trie nodes at which the rule ends, and only below these nodes is walked again with the rest of the stack. A string looks
// the same in every property of every object, so that new stacks cost little.
//
// Grammars and schemas come from whoever sends a request. Their size, the states, the nesting of the text and the work of
// one step are bounded, and a rule that begins with itself is refused. Rules and branches that could never end are left
// out, so that no text within the language runs into a wall.
package grammar
