// What the peer programs share: reading flags, loading a model through llama.cpp's C interface, clocks.
#pragma once

#include "ggml-backend.h"
#include "llama.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include <link.h>
#include <sys/resource.h>

#ifndef PEER_LIBS
#define PEER_LIBS "" // the directory of the CPU backends; the build sets it
#endif

namespace peer {

[[noreturn]] inline void fail(const std::string & text) {
    std::fprintf(stderr, "%s\n", text.c_str());
    std::exit(1);
}

// Flags are pairs "--name value"; a name without a value that the program declares as a switch is "1".
class Flags {
  public:
    Flags(int argc, char ** argv, const char * help, std::map<std::string, std::string> defaults, const std::vector<std::string> & switches)
        : values(std::move(defaults)) {
        for (int i = 1; i < argc; i++) {
            std::string name = argv[i];
            if (name == "--help" || name == "-h") {
                std::fputs(help, stdout);
                std::exit(0);
            }
            bool is_switch = false;
            for (const auto & s : switches) {
                is_switch = is_switch || "--" + s == name;
            }
            if (is_switch) {
                values[name.substr(2)] = "1";
                continue;
            }
            if (name.rfind("--", 0) != 0 || values.find(name.substr(2)) == values.end() || i + 1 == argc) {
                fail("unknown flag or missing value: " + name + " (--help tells)");
            }
            values[name.substr(2)] = argv[++i];
        }
    }

    std::string text(const std::string & name) const {
        auto at = values.find(name);
        return at == values.end() ? "" : at->second;
    }
    int  number(const std::string & name) const { return std::atoi(text(name).c_str()); }
    bool on(const std::string & name) const { return text(name) == "1"; }

  private:
    std::map<std::string, std::string> values;
};

// Flags that every program understands.
inline std::map<std::string, std::string> common_defaults(std::map<std::string, std::string> own) {
    own.insert({ "model", "" });
    own.insert({ "threads", "1" });
    own.insert({ "kv", "f16" });
    own.insert({ "fa", "auto" });
    own.insert({ "backend", "" });
    return own;
}

#define PEER_COMMON_HELP                                                                                                     \
    "  --model FILE       GGUF file\n"                                                                                       \
    "  --threads N        threads, 1\n"                                                                                      \
    "  --kv f16|f32       type of keys and values\n"                                                                         \
    "  --fa auto|on|off   flash attention\n"                                                                                 \
    "  --no-repack        leave the weights in the file's layout\n"                                                          \
    "  --backend NAME     only this CPU backend (x64, haswell, icelake, zen4, ...); the best one by default\n"               \
    "  --verbose          llama.cpp's own log on stderr\n"

inline const std::vector<std::string> common_switches = { "no-repack", "verbose" };

inline double seconds(clockid_t clock) {
    timespec t;
    clock_gettime(clock, &t);
    return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}
inline double wall() { return seconds(CLOCK_MONOTONIC); }
inline double cpu() { return seconds(CLOCK_PROCESS_CPUTIME_ID); }

// The largest resident set so far, in kilobytes; mapped file pages count.
inline long peak_rss_kb() {
    rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

inline void quiet(ggml_log_level, const char *, void *) {}

inline void start(const Flags & flags) {
    if (!flags.on("verbose")) {
        llama_log_set(quiet, nullptr);
    }
    const std::string only = flags.text("backend");
    if (only.empty()) {
        ggml_backend_load_all_from_path(PEER_LIBS);
    } else if (!ggml_backend_load((std::string(PEER_LIBS) + "/libggml-cpu-" + only + ".so").c_str())) {
        fail("no backend " + only);
    }
    llama_backend_init();
}

// The name of the CPU backend that was loaded, "icelake" for example.
inline std::string backend() {
    std::string name;
    dl_iterate_phdr(
        [](dl_phdr_info * info, size_t, void * out) {
            const std::string path = info->dlpi_name, mark = "libggml-cpu-";
            const size_t      at = path.find(mark);
            if (at != std::string::npos) {
                *static_cast<std::string *>(out) = path.substr(at + mark.size(), path.rfind('.') - at - mark.size());
            }
            return 0;
        },
        &name);
    return name;
}

inline llama_model * load(const Flags & flags) {
    llama_model_params p = llama_model_default_params();
    p.use_extra_bufts    = !flags.on("no-repack");
    llama_model * m      = llama_model_load_from_file(flags.text("model").c_str(), p);
    if (!m) {
        fail("cannot load " + flags.text("model"));
    }
    return m;
}

// A context for n positions in total, of sequences in one shared store.
inline llama_context * context(const Flags & flags, llama_model * m, int n, int sequences, int batch) {
    llama_context_params p = llama_context_default_params();
    const int threads      = flags.number("threads");
    p.n_ctx                = uint32_t(n);
    p.n_batch              = uint32_t(batch);
    p.n_seq_max            = uint32_t(sequences);
    p.n_threads            = threads;
    p.n_threads_batch      = threads;
    p.kv_unified           = true;
    p.type_k = p.type_v = flags.text("kv") == "f32" ? GGML_TYPE_F32 : GGML_TYPE_F16;
    const std::string fa = flags.text("fa");
    p.flash_attn_type    = fa == "on" ? LLAMA_FLASH_ATTN_TYPE_ENABLED : fa == "off" ? LLAMA_FLASH_ATTN_TYPE_DISABLED : LLAMA_FLASH_ATTN_TYPE_AUTO;
    llama_context * c    = llama_init_from_model(m, p);
    if (!c) {
        fail("cannot make a context");
    }
    return c;
}

// A batch that grows; sequence ids are one a position.
class Batch {
  public:
    explicit Batch(int room) : batch(llama_batch_init(room, 0, 1)) { batch.n_tokens = 0; }
    ~Batch() { llama_batch_free(batch); }
    Batch(const Batch &)             = delete;
    Batch & operator=(const Batch &) = delete;

    void clear() { batch.n_tokens = 0; }
    void add(llama_token id, int position, int sequence, bool logits) {
        const int i          = batch.n_tokens++;
        batch.token[i]       = id;
        batch.pos[i]         = position;
        batch.n_seq_id[i]    = 1;
        batch.seq_id[i][0]   = sequence;
        batch.logits[i]      = logits;
    }
    void decode(llama_context * c) {
        if (int rc = llama_decode(c, batch); rc != 0) {
            fail("llama_decode returned " + std::to_string(rc));
        }
    }

    llama_batch batch;
};

struct Best {
    llama_token id;
    float       margin; // over the second best
};

inline Best best(const float * logits, int vocab) {
    int   first  = logits[0] >= logits[1] ? 0 : 1;
    float second = logits[1 - first];
    for (int i = 2; i < vocab; i++) {
        if (logits[i] > logits[first]) {
            second = logits[first];
            first  = i;
        } else if (logits[i] > second) {
            second = logits[i];
        }
    }
    return { first, logits[first] - second };
}

// The same ids that the benchmark of the engine uses: position i holds (i*7919+13) mod vocab.
inline llama_token some_id(int i, int vocab) { return llama_token((int64_t(i) * 7919 + 13) % vocab); }

} // namespace peer
