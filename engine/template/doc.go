// Package template renders chat templates: the subset of the Jinja language that public model files use, in a small
// interpreter of its own.
//
// A template comes from a model file that somebody else made, so the language is closed. Values are of a fixed set of
// types, there is no reflection and nothing of the host can be reached. [Parse] refuses constructs that reach for
// object internals or other files before anything is rendered, and bounds the size and nesting of the source.
// [Template.Render] counts steps, depth of recursion and bytes of output.
//
// Rendered text remembers where it came from: each piece of text carries the message that it was taken from through
// concatenation, slices, trimming and escaping. [Rendered.Spans] follows from that and never from a search in the text,
// so that a message which imitates the template's own markup cannot shift the borders of another one.
//
// The language follows Jinja 3.1 as transformers sets it up for chat templates: trim_blocks and lstrip_blocks are on,
// break, continue and generation blocks are known, and tojson writes plain JSON as Python does.
package template
