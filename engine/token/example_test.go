package token_test

import (
	"fmt"
	"os"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/token"
)

func Example() {
	model, err := os.Open("../../testdata/models/tinychat/guarded-q4_k_m.gguf")
	if err != nil {
		panic(err)
	}
	defer model.Close()
	info, err := model.Stat()
	if err != nil {
		panic(err)
	}
	f, err := gguf.Parse(model, info.Size(), gguf.Limits{})
	if err != nil {
		panic(err)
	}
	tok, err := token.New(f)
	if err != nil {
		panic(err)
	}

	const text = "Say 42.<|im_end|>"
	for _, t := range tok.Encode(text, token.EncodeOptions{ParseSpecial: true}) {
		fmt.Printf("%q %d\n", text[t.Start:t.End], t.ID)
	}
	fmt.Println(len(tok.Encode(text, token.EncodeOptions{})), "tokens as plain text")
	// Output:
	// "Say" 479
	// " " 220
	// "4" 19
	// "2" 17
	// "." 13
	// "<|im_end|>" 1023
	// 13 tokens as plain text
}
