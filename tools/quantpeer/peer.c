// Writes what llama.cpp's ggml_quantize_chunk makes of a matrix of 4 x 512 floats to standard output.
// Arguments: number of the type, name of the matrix, and "floats" for what that is turned back to. The matrices are those of engine/quant/golden_test.go.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ggml.h"

enum { ROWS = 4, COLUMNS = 512 };

static float element(const char *name, int i, float bell) {
    if (!strcmp(name, "bell")) return bell * 0x1p-16f;
    if (!strcmp(name, "zeros")) return 0;
    if (!strcmp(name, "outlier")) return i % COLUMNS == 77 ? 100 : bell * 0x1p-16f;
    if (!strcmp(name, "huge")) return bell * 4;
    if (!strcmp(name, "subnormal")) return bell * 0x1p-145f;
    if (!strcmp(name, "equal")) return 0.3f;
    if (!strcmp(name, "ties")) return (float)((int)bell % 49) * 0.25f;
    exit(2);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    static float x[ROWS * COLUMNS];
    uint32_t state = 1;
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        int sum = -8190;
        for (int k = 0; k < 4; k++) {
            state = state * 1664525u + 1013904223u;
            sum += (int)(state >> 20);
        }
        x[i] = element(argv[2], i, (float)sum);
    }
    enum ggml_type type = (enum ggml_type)atoi(argv[1]);
    size_t size = ROWS * ggml_row_size(type, COLUMNS);
    void *out = calloc(size, 1);
    ggml_quantize_chunk(type, x, out, 0, ROWS, COLUMNS, NULL);
    if (argc > 3) {
        if (type != GGML_TYPE_F32) ggml_get_type_traits(type)->to_float(out, x, ROWS * COLUMNS);
        return fwrite(x, sizeof(float), ROWS * COLUMNS, stdout) != ROWS * COLUMNS;
    }
    return fwrite(out, 1, size, stdout) != size;
}
