// machine measures what the processor can do at most: reading memory, and the two instructions that products are made of.
// Prints one JSON object. Everything is measured several times and the best is taken.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static double now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}
static double thread_cpu() {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

static std::atomic<uint64_t> sink;

// first_word combines accumulators, so that the compiler keeps what went into them.
template <typename T, size_t N> static uint64_t first_word(const T (&all)[N]) {
    uint64_t word = 0;
    for (const T & x : all) {
        uint64_t w = 0;
        __builtin_memcpy(&w, &x, sizeof x < sizeof w ? sizeof x : sizeof w);
        word ^= w;
    }
    return word;
}

// read_all reads n bytes, a multiple of 512, and fetches distance bytes ahead if that is not 0.
static uint64_t read_all(const char * p, size_t n, size_t distance) {
#if defined(__AVX512F__)
    __m512i s[8] = {};
    for (size_t i = 0; i < n; i += 512) {
        for (size_t k = 0; k < 8; k++) {
            if (distance) {
                _mm_prefetch(p + i + 64 * k + distance, _MM_HINT_T0);
            }
            s[k] = _mm512_xor_si512(s[k], _mm512_load_si512(p + i + 64 * k));
        }
    }
    return first_word(s);
#else
    const uint64_t * q = reinterpret_cast<const uint64_t *>(p);
    uint64_t         s[64] = {};
    for (size_t i = 0; i < n / 8; i += 64) {
        if (distance) {
            for (size_t k = 0; k < 512; k += 64) {
                __builtin_prefetch(p + 8 * i + k + distance);
            }
        }
        for (size_t k = 0; k < 64; k++) {
            s[k] ^= q[i + k];
        }
    }
    return first_word(s);
#endif
}

// bandwidth is the best of some rounds in which each thread reads its part once, in bytes a second by the clock.
static double bandwidth(const char * p, size_t n, int threads, size_t distance) {
    double most = 0;
    for (int round = 0; round < 4; round++) {
        std::vector<std::thread> all;
        const size_t             part = n / size_t(threads) / 512 * 512;
        const double             from = now();
        for (int t = 1; t < threads; t++) {
            all.emplace_back([=] { sink += read_all(p + size_t(t) * part, part, distance); });
        }
        sink += read_all(p, part, distance);
        for (auto & t : all) {
            t.join();
        }
        most = std::max(most, double(part) * threads / (now() - from));
    }
    return most;
}

#define REGISTERS(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)

#if defined(__AVX512F__)
#define CLEAR(i) "vpxord %%zmm" #i ", %%zmm" #i ", %%zmm" #i "\n"
#define BYTES(i) "vpdpbusd %%zmm16, %%zmm17, %%zmm" #i "\n"
#define FLOATS(i) "vfmadd231ps %%zmm16, %%zmm17, %%zmm" #i "\n"
#define PREPARE asm volatile(REGISTERS(CLEAR) CLEAR(16) CLEAR(17)::: USED)
#define USED "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17"
static const int width = 64; // bytes of a register
#elif defined(__AVX2__) && defined(__FMA__)
#define CLEAR(i) "vpxor %%ymm" #i ", %%ymm" #i ", %%ymm" #i "\n"
#define FLOATS(i) "vfmadd231ps %%ymm15, %%ymm15, %%ymm" #i "\n"
#define PREPARE asm volatile(REGISTERS(CLEAR)::: USED)
#define USED "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
static const int width = 32;
#elif defined(__aarch64__)
#define CLEAR(i) "movi v" #i ".4s, #0\n"
#define BYTES(i) "sdot v" #i ".4s, v30.16b, v31.16b\n"
#define FLOATS(i) "fmla v" #i ".4s, v30.4s, v31.4s\n"
#define PREPARE asm volatile(REGISTERS(CLEAR) CLEAR(30) CLEAR(31)::: USED)
#define USED "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v30", "v31"
static const int width = 16;
#endif

// PEAK is the best rate of 16 independent chains of an instruction with some operations, a second of processor time.
#define PEAK(DO, operations)                                                         \
    double most = 0;                                                                 \
    for (int round = 0; round < 8; round++) {                                        \
        const int    n    = 1 << 20;                                                 \
        PREPARE;                                                                     \
        const double from = thread_cpu();                                            \
        for (int i = 0; i < n; i++) {                                                \
            asm volatile(REGISTERS(DO)::: USED);                                     \
        }                                                                            \
        most = std::max(most, double(n) * 16 * (operations) / (thread_cpu() - from)); \
    }                                                                                \
    return most;

// byte_peak counts a multiplication and an addition of each byte, and is 0 where there is no such instruction.
static double byte_peak() {
#if defined(__AVX512VNNI__) || defined(__ARM_FEATURE_DOTPROD)
    PEAK(BYTES, width * 2)
#else
    return 0;
#endif
}

// float_peak is the same for single-precision multiply-adds.
static double float_peak() {
#if defined(FLOATS)
    PEAK(FLOATS, width / 4 * 2)
#else
    return 0;
#endif
}

int main(int argc, char ** argv) {
    const size_t mib   = argc > 1 ? size_t(std::atoi(argv[1])) : 1024;
    const size_t n     = mib << 20;
    const size_t ahead[] = { 0, 512, 1024, 2048, 4096, 8192 };
    char *       p     = static_cast<char *>(std::aligned_alloc(4096, n + (1 << 16)));
    if (!p) {
        return 1;
    }
    for (size_t i = 0; i < n + (1 << 16); i += 8) { // pages of their own
        *reinterpret_cast<uint64_t *>(p + i) = i;
    }
    std::printf("{\"mib\":%zu,\"read\":[", mib);
    bool first = true;
    for (int threads = 1; threads <= 2; threads++) {
        for (size_t distance : ahead) {
            std::printf("%s{\"threads\":%d,\"prefetch\":%zu,\"bytes_per_second\":%.0f}", first ? "" : ",", threads, distance, bandwidth(p, n, threads, distance));
            first = false;
        }
    }
    std::printf("],\"byte_ops\":%.0f,\"float_ops\":%.0f}\n", byte_peak(), float_peak());
    std::free(p);
    return 0;
}
