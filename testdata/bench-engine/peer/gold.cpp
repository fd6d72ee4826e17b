// gold dumps what llama.cpp computes for given token ids: all logits, and a greedy continuation with its margins.
#include "peer.hpp"

static const char * help =
    "gold: logits and greedy ids of a GGUF model, from llama.cpp\n"
    PEER_COMMON_HELP
    "  --ids LIST         comma-separated token ids of the prompt; or, without it,\n"
    "  --some N           N ids, the i-th being (i*7919+13) mod vocabulary\n"
    "  --greedy N         then N ids by taking the best logit each time, 0\n"
    "  --chunk N          ids a call in the prompt, all\n"
    "  --ctx N            context, the positions needed rounded up to 256 (longrope chooses its factors by it)\n"
    "  --logits FILE      little-endian float32 [positions][vocabulary]; positions = prompt + max(0, greedy-1)\n"
    "  --text             print the pieces of the greedy ids on stderr\n"
    "Defaults here: --kv f32 --fa off. Prints one JSON object: vocab, positions, ids, greedy, margins (best logit minus second best).\n";

static std::vector<llama_token> parse_ids(const std::string & list) {
    std::vector<llama_token> ids;
    for (const char * p = list.c_str(); *p;) {
        char * end;
        ids.push_back(llama_token(std::strtol(p, &end, 10)));
        if (end == p) {
            peer::fail("bad list of ids");
        }
        p = *end == ',' ? end + 1 : end;
    }
    return ids;
}

template <typename T> static void print_list(const char * name, const std::vector<T> & values, const char * format) {
    std::printf(",\"%s\":[", name);
    for (size_t i = 0; i < values.size(); i++) {
        std::printf(i ? "," : "");
        std::printf(format, values[i]);
    }
    std::printf("]");
}

int main(int argc, char ** argv) {
    auto switches = peer::common_switches;
    switches.push_back("text");
    peer::Flags flags(argc, argv, help,
        peer::common_defaults({ { "ids", "" }, { "some", "0" }, { "greedy", "0" }, { "chunk", "0" }, { "ctx", "0" }, { "logits", "" }, { "kv", "f32" }, { "fa", "off" } }), switches);
    peer::start(flags);
    llama_model * m     = peer::load(flags);
    const auto *  words = llama_model_get_vocab(m);
    const int     vocab = llama_vocab_n_tokens(words);

    auto ids = parse_ids(flags.text("ids"));
    if (ids.empty()) {
        ids.resize(size_t(flags.number("some")));
        for (size_t i = 0; i < ids.size(); i++) {
            ids[i] = peer::some_id(int(i), vocab);
        }
    }
    if (ids.empty()) {
        peer::fail("--ids or --some is needed");
    }
    const int prompt = int(ids.size()), more = flags.number("greedy");
    const int chunk = flags.number("chunk") > 0 ? flags.number("chunk") : prompt;
    const int room  = flags.number("ctx") > 0 ? flags.number("ctx") : (prompt + more + 255) / 256 * 256;
    llama_context * c = peer::context(flags, m, room, 1, chunk);

    FILE * out = nullptr;
    if (!flags.text("logits").empty() && !(out = std::fopen(flags.text("logits").c_str(), "wb"))) {
        peer::fail("cannot write " + flags.text("logits"));
    }
    int          positions = 0;
    peer::Batch  batch(chunk);
    const auto   take = [&](int n) { // the logits of the n positions of the last call; returns the last row
        const float * row = nullptr;
        for (int i = 0; i < n; i++) {
            row = llama_get_logits_ith(c, i);
            if (out && std::fwrite(row, sizeof(float), size_t(vocab), out) != size_t(vocab)) {
                peer::fail("cannot write logits");
            }
            positions++;
        }
        return row;
    };

    const float * last = nullptr;
    for (int from = 0; from < prompt; from += chunk) {
        batch.clear();
        for (int i = from; i < prompt && i < from + chunk; i++) {
            batch.add(ids[size_t(i)], i, 0, true);
        }
        batch.decode(c);
        last = take(batch.batch.n_tokens);
    }
    std::vector<llama_token> greedy;
    std::vector<double>      margins;
    for (int i = 0; i < more; i++) {
        const auto b = peer::best(last, vocab);
        greedy.push_back(b.id);
        margins.push_back(b.margin);
        if (i + 1 < more) {
            batch.clear();
            batch.add(b.id, prompt + i, 0, true);
            batch.decode(c);
            last = take(1);
        }
    }
    if (out && std::fclose(out) != 0) {
        peer::fail("cannot write logits");
    }
    std::printf("{\"vocab\":%d,\"positions\":%d", vocab, positions);
    print_list("ids", ids, "%d");
    print_list("greedy", greedy, "%d");
    print_list("margins", margins, "%.6g");
    std::printf("}\n");
    for (llama_token id : flags.on("text") ? greedy : std::vector<llama_token>()) {
        char piece[256];
        int  n = llama_token_to_piece(words, id, piece, sizeof piece, 0, true);
        std::fwrite(piece, 1, size_t(n > 0 ? n : 0), stderr);
    }
    llama_free(c);
    llama_model_free(m);
    return 0;
}
