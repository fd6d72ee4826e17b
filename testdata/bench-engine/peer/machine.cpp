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

// byte_peak is multiply-adds of bytes times 2 a second of one thread's processor time, 0 where there is no such instruction.
static double byte_peak() {
#if defined(__AVX512VNNI__)
    double most = 0;
    for (int round = 0; round < 8; round++) {
        __m512i      a = _mm512_set1_epi32(0x01010101), b = _mm512_set1_epi32(0x02020202), s[16] = {};
        const int    n    = 1 << 20;
        const double from = thread_cpu();
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < 16; k++) {
                asm volatile("vpdpbusd %1, %2, %0" : "+v"(s[k]) : "v"(a), "v"(b));
            }
        }
        most = std::max(most, double(n) * 16 * 64 * 2 / (thread_cpu() - from));
        sink += first_word(s);
    }
    return most;
#elif defined(__ARM_FEATURE_DOTPROD)
    double most = 0;
    for (int round = 0; round < 8; round++) {
        const int    n    = 1 << 20;
        const double from = thread_cpu();
        for (int i = 0; i < n; i++) {
            asm volatile("sdot v0.4s, v30.16b, v31.16b\n sdot v1.4s, v30.16b, v31.16b\n sdot v2.4s, v30.16b, v31.16b\n sdot v3.4s, v30.16b, v31.16b\n"
                         "sdot v4.4s, v30.16b, v31.16b\n sdot v5.4s, v30.16b, v31.16b\n sdot v6.4s, v30.16b, v31.16b\n sdot v7.4s, v30.16b, v31.16b" ::
                             : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7");
        }
        most = std::max(most, double(n) * 8 * 16 * 2 / (thread_cpu() - from));
    }
    return most;
#else
    return 0;
#endif
}

// float_peak is the same for single-precision multiply-adds.
static double float_peak() {
    double most = 0;
    for (int round = 0; round < 8; round++) {
#if defined(__AVX512F__)
        __m512       a = _mm512_set1_ps(0.5f), s[16] = {};
        const int    lanes = 16;
#elif defined(__AVX2__) && defined(__FMA__)
        __m256       a = _mm256_set1_ps(0.5f), s[16] = {};
        const int    lanes = 8;
#else
        float        a = 0.5f, s[16] = {};
        const int    lanes = 1;
#endif
        const int    n    = 1 << 20;
        const double from = thread_cpu();
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < 16; k++) {
#if defined(__AVX2__) && defined(__FMA__)
                asm volatile("vfmadd231ps %1, %1, %0" : "+v"(s[k]) : "v"(a));
#else
                s[k] = __builtin_fmaf(a, a, s[k]);
#endif
            }
        }
        most = std::max(most, double(n) * 16 * lanes * 2 / (thread_cpu() - from));
        sink += first_word(s);
    }
    return most;
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
