package probe

import "context"

// A Model is a language model under test: the jailed guest, or an endpoint that answers fewer questions. A question
// that an implementation cannot answer returns an error that wraps hallmark.ErrUnavailable. A limit that stopped the
// model (wall time, CPU, memory) returns an error that wraps hallmark.ErrUndecided: a run never passes on it.
//
// Every string that a Model returns comes from a file that somebody else made. It is data: never markup, never a format.
// Greedy generation (Temperature 0) depends on the model and the request alone, so that runs can be repeated.
type Model interface {
	// Info describes the loaded model.
	Info(ctx context.Context) (Info, error)
	// Tokenize splits text. With parseSpecial, the spellings of control tokens become these tokens.
	Tokenize(ctx context.Context, text string, parseSpecial bool) ([]Token, error)
	// Render writes msgs with the model's chat template.
	Render(ctx context.Context, msgs []Message, addGenerationPrompt bool) (Rendered, error)
	// Generate completes a prompt until an end token, a stop text or MaxTokens. A prompt longer than the context is
	// hallmark.ErrTooLarge.
	Generate(ctx context.Context, req GenerateRequest) (Completion, error)
	// LogProbs gives, for each token but the first, its log-probability after the ones before it:
	// len(result) == len(tokens)-1.
	LogProbs(ctx context.Context, tokens []int32) ([]LogProb, error)
}

// A WhiteBox is a model that also shows what goes on inside: what measuring detectors need. The jailed guest is one, an
// endpoint is not.
type WhiteBox interface { //nolint:interfacebloat // each method is one question of the guest, and every detector asks others
	Model
	// PromptTokens gives the tokens that the model reads for the prompt of a request, with their places in the rendered chat
	// or in the prompt.
	PromptTokens(ctx context.Context, req GenerateRequest) ([]Token, error)
	// Logits gives the logits [len(positions)][vocabulary] after the given positions of tokens.
	Logits(ctx context.Context, tokens, positions []int32) ([]float32, error)
	// Continue gives, for each of texts, how likely its tokens are after prefix and those before:
	// len(result[i]) == len(texts[i]). What texts begin with alike costs once.
	Continue(ctx context.Context, prefix []int32, texts [][]int32) ([][]LogProb, error)
	// Next gives how each of texts goes on: the most likely token and the log-probabilities of the tokens in watch, or of
	// the whole vocabulary if it is empty. Texts that begin alike belong into one call.
	Next(ctx context.Context, texts []Perturbed, watch []int32) ([]Next, error)
	// Pieces gives the texts of n tokens from token from on; control tokens have none.
	Pieces(ctx context.Context, from, n int) ([]string, error)
	// Embeddings and Unembeddings give rows, [n][embedding], of n tokens from token from on: those of the input, and those of
	// the output matrix that make a token's logit.
	Embeddings(ctx context.Context, from, n int) ([]float32, error)
	Unembeddings(ctx context.Context, from, n int) ([]float32, error)
}

// Info is what a model file says about itself, sanitised.
type Info struct {
	Architecture   string
	TokenizerModel string
	Context        int // longest sequence in tokens
	Vocab          int // tokens in the vocabulary
	Embedding      int // numbers in an embedding
	ChatTemplate   bool
	EngineVersion  string // raised whenever bits of an output change; goes into the report
}

// A Token is one token of a text and the byte range [Start, End) that it covers.
type Token struct {
	ID         int32
	Start, End int
}

// A Message is one turn of a chat. Role is "system", "user" or "assistant".
type Message struct {
	Role    string
	Content string
}

// Rendered is a chat as the model reads it.
type Rendered struct {
	Text  string
	Spans []Span // where the contents of the messages stand, in order
}

// A Span is the byte range [Start, End) of one message's content in a rendered chat.
type Span struct {
	Start, End int
	Role       string
}

// A GenerateRequest asks for one completion. Exactly one of Messages and Prompt is set: Messages go through the chat
// template (with a generation prompt), Prompt is read as it is, the spellings of control tokens being control tokens.
type GenerateRequest struct {
	Messages    []Message
	Prompt      string
	MaxTokens   int     // required, at least 1
	Temperature float32 // 0 is greedy
	TopP        float32 // 0 or 1: off
	TopK        int     // 0: off
	MinP        float32 // 0: off
	Seed        uint64  // of the sampler; without effect when greedy
	Stop        []string

	RepeatPenalty, FrequencyPenalty, PresencePenalty float32 // 0: off; see sample.Config

	// Grammar, in GBNF, or JSONSchema keeps the text within a language; at most one of them is set.
	Grammar, JSONSchema string

	// OnToken, if set, is called with each piece of text as it is generated.
	OnToken func(piece string)
}

// Finish says why a completion ended.
type Finish string

// The reasons to end a completion.
const (
	FinishStop   Finish = "stop"   // an end token or a stop text
	FinishLength Finish = "length" // MaxTokens, or the model's context is full
)

// A Completion is a generated text, without end tokens and stop texts.
type Completion struct {
	Text         string
	PromptTokens int
	OutputTokens int
	Finish       Finish
}

// An Answer is a completion, or why there is none.
type Answer struct {
	Completion Completion
	Err        error
}

// A Perturbed text has Add, [positions][embedding], added to the embeddings of its tokens from position From on.
type Perturbed struct {
	Tokens []int32
	From   int
	Add    []float32 // nothing is added if empty
}

// A Next is how a text goes on: the most likely token, and the natural logarithms of the probabilities of the tokens that
// were asked for.
type Next struct {
	Top      int32
	LogProbs []float32
}

// A LogProb is how a model rates one token of a given text.
type LogProb struct {
	LogProb float32 // natural logarithm
	Rank    int32   // 0: the most likely token at this place
	Mean    float32 // mean of the log-probabilities of the whole vocabulary at this place
	StdDev  float32 // and their standard deviation (min-k%++)
}
