// worker measures llama.cpp: it loads a model, then answers one command a line with one JSON object a line.
#include "peer.hpp"

#include <algorithm>

static const char * help =
    "worker: measures llama.cpp by commands on standard input\n"
    PEER_COMMON_HELP
    "  --ctx N            positions of all sequences together, 1024\n"
    "  --sequences N      most sequences, 1\n"
    "Commands:\n"
    "  decode DEPTH N           N calls of one token each after DEPTH tokens; also the nanoseconds of each call\n"
    "  prefill N                one call of N tokens, logits of the last\n"
    "  batched PROMPTS PREFIX SUFFIX NEW\n"
    "                           prompts that share a prefix, which is computed once and copied; as many at a time as there\n"
    "                           are sequences, one less for the prefix; NEW greedy tokens each\n"
    "  threads N                from now on\n"
    "  peak                     largest resident set in kilobytes\n"
    "Each answer has wall and cpu in seconds and the number of tokens.\n";

namespace {

class Worker {
  public:
    Worker(const peer::Flags & flags)
        : model(peer::load(flags)), sequences(flags.number("sequences")), room(flags.number("ctx")),
          c(peer::context(flags, model, room, sequences, std::min(room, 2048))), memory(llama_get_memory(c)),
          vocab(llama_vocab_n_tokens(llama_model_get_vocab(model))), batch(std::min(room, 2048)) {}
    ~Worker() {
        llama_free(c);
        llama_model_free(model);
    }

    void threads(int n) { llama_set_n_threads(c, n, n); }

    void decode(int depth, int n) {
        reach(depth);
        std::vector<long> each;
        start();
        for (int i = 0; i < n; i++) {
            const double before = peer::wall();
            batch.clear();
            batch.add(peer::some_id(depth + i, vocab), depth + i, 0, true);
            batch.decode(c);
            sink += llama_get_logits_ith(c, -1)[0];
            each.push_back(long(1e9 * (peer::wall() - before)));
        }
        have = depth;
        llama_memory_seq_rm(memory, 0, depth, -1);
        answer(n);
        std::printf(",\"each\":[");
        for (size_t i = 0; i < each.size(); i++) {
            std::printf(i ? ",%ld" : "%ld", each[i]);
        }
        std::printf("]}\n");
    }

    void prefill(int n) {
        llama_memory_clear(memory, true);
        have = 0;
        start();
        reach(n);
        sink += llama_get_logits_ith(c, -1)[0];
        answer(n);
        std::printf("}\n");
    }

    void batched(int prompts, int prefix, int suffix, int fresh);

  private:
    struct Slot {
        int         at      = 0; // positions so far
        int         left    = 0; // tokens to make; 0: idle
        int         row     = 0; // of its logits in the last call
        llama_token next    = 0;
    };

    // reach makes sequence 0 hold positions 0 to n-1.
    void reach(int n) {
        if (have > n) {
            llama_memory_seq_rm(memory, 0, n, -1);
            have = n;
        }
        while (have < n) {
            batch.clear();
            for (int i = 0; i < 2048 && have < n; i++, have++) {
                batch.add(peer::some_id(have, vocab), have, 0, have == n - 1);
            }
            batch.decode(c);
        }
        llama_synchronize(c);
    }

    void start() {
        wall = peer::wall();
        cpu  = peer::cpu();
    }
    void answer(int tokens) {
        std::printf("{\"wall\":%.9f,\"cpu\":%.9f,\"tokens\":%d", peer::wall() - wall, peer::cpu() - cpu, tokens);
    }

    llama_model *   model;
    int             sequences, room;
    llama_context * c;
    llama_memory_t  memory;
    int             vocab;
    peer::Batch     batch;
    int             have = 0; // positions of sequence 0
    double          wall = 0, cpu = 0;
    volatile float  sink = 0;
};

void Worker::batched(int prompts, int prefix, int suffix, int fresh) {
    llama_memory_clear(memory, true);
    have = 0;
    start();
    reach(prefix); // sequence 0 keeps the prefix; the others are slots
    std::vector<Slot> slots(size_t(sequences - 1));
    int               begun = 0, made = 0;
    for (;;) {
        batch.clear();
        for (size_t i = 0; i < slots.size(); i++) {
            Slot & s   = slots[i];
            const int id = int(i) + 1;
            if (s.left > 0) {
                batch.add(s.next, s.at++, id, true);
            } else if (begun < prompts && batch.batch.n_tokens + suffix <= 512) {
                llama_memory_seq_rm(memory, id, -1, -1);
                llama_memory_seq_cp(memory, 0, id, -1, -1);
                for (int k = 0; k < suffix; k++) {
                    batch.add(peer::some_id(prefix + begun * suffix + k, vocab), prefix + k, id, k == suffix - 1);
                }
                s = { prefix + suffix, fresh, 0, 0 };
                begun++;
            } else {
                continue;
            }
            s.row = batch.batch.n_tokens - 1;
        }
        if (batch.batch.n_tokens == 0) {
            break;
        }
        batch.decode(c);
        for (Slot & s : slots) {
            if (s.left > 0) {
                s.next = peer::best(llama_get_logits_ith(c, s.row), vocab).id;
                s.left--;
                made++;
            }
        }
    }
    answer(made);
    std::printf("}\n");
    llama_memory_clear(memory, true);
    have = 0;
}

} // namespace

int main(int argc, char ** argv) {
    peer::Flags flags(argc, argv, help, peer::common_defaults({ { "ctx", "1024" }, { "sequences", "1" } }), peer::common_switches);
    peer::start(flags);
    Worker w(flags);
    std::printf("{\"cpu\":%.9f,\"backend\":\"%s\"}\n", peer::cpu(), peer::backend().c_str());
    char line[256];
    for (std::fflush(stdout); std::fgets(line, sizeof line, stdin); std::fflush(stdout)) {
        char verb[16] = "";
        int  a = 0, b = 0, d = 0, e = 0;
        std::sscanf(line, "%15s %d %d %d %d", verb, &a, &b, &d, &e);
        const std::string v = verb;
        if (v == "decode") {
            w.decode(a, b);
        } else if (v == "prefill") {
            w.prefill(a);
        } else if (v == "batched") {
            w.batched(a, b, d, e);
        } else if (v == "threads") {
            w.threads(a);
            std::printf("{}\n");
        } else if (v == "peak") {
            std::printf("{\"peak_kb\":%ld}\n", peer::peak_rss_kb());
        } else {
            peer::fail("unknown command: " + v);
        }
    }
    return 0;
}
