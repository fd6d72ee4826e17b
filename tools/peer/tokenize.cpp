// Prints the token ids that llama.cpp gives for texts, for the comparison in engine/token.
//
// usage: tokenize VOCABULARY < requests > answers
// A request is a line of the text in hex, a space, and two digits 0 or 1: add special, parse special. An answer is a line of ids.
#include "llama.h"

#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

static int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

int main(int argc, char ** argv) {
    if (argc != 2) {
        return 2;
    }
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    llama_backend_init();
    llama_model_params params = llama_model_default_params();
    params.vocab_only = true;
    llama_model * model = llama_model_load_from_file(argv[1], params);
    if (model == nullptr) {
        return 1;
    }
    const llama_vocab * vocab = llama_model_get_vocab(model);
    for (std::string line; std::getline(std::cin, line);) {
        std::string text;
        size_t i = 0;
        for (; i + 1 < line.size() && line[i] != ' '; i += 2) {
            text.push_back((char) (digit(line[i]) << 4 | digit(line[i + 1])));
        }
        const bool add = line[i + 1] == '1', parse = line[i + 2] == '1';
        std::vector<llama_token> ids(2 * text.size() + 16);
        int n = llama_tokenize(vocab, text.data(), (int) text.size(), ids.data(), (int) ids.size(), add, parse);
        if (n < 0) {
            ids.resize(-n);
            n = llama_tokenize(vocab, text.data(), (int) text.size(), ids.data(), (int) ids.size(), add, parse);
        }
        for (int k = 0; k < n; k++) {
            printf(k ? " %d" : "%d", ids[k]);
        }
        printf("\n");
    }
}
