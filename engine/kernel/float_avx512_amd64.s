//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// Every fused multiply-add below adds to an accumulator of 16 lanes, by rule 2 of the package comment.

// The tiles of one to six vectors: F(offset of lanes, offset of 16 elements, a free register, four accumulators).
#define TILE1(F) \
	F(0, 0, Z28, Z0, Z1, Z2, Z3)
#define TILE2(F) \
	TILE1(F) \
	F(256, 64, Z29, Z4, Z5, Z6, Z7)
#define TILE3(F) \
	TILE2(F) \
	F(512, 128, Z28, Z8, Z9, Z10, Z11)
#define TILE4(F) \
	TILE3(F) \
	F(768, 192, Z29, Z12, Z13, Z14, Z15)
#define TILE5(F) \
	TILE4(F) \
	F(1024, 256, Z28, Z16, Z17, Z18, Z19)
#define TILE6(F) \
	TILE5(F) \
	F(1280, 320, Z29, Z20, Z21, Z22, Z23)

#define LOAD(LANES, X, FREE, A, B, C, D) \
	VMOVUPS LANES(R13), A       \
	VMOVUPS (LANES+64)(R13), B  \
	VMOVUPS (LANES+128)(R13), C \
	VMOVUPS (LANES+192)(R13), D

#define STORE(LANES, X, FREE, A, B, C, D) \
	VMOVUPS A, LANES(R13)       \
	VMOVUPS B, (LANES+64)(R13)  \
	VMOVUPS C, (LANES+128)(R13) \
	VMOVUPS D, (LANES+192)(R13)

#define ZERO(LANES, X, FREE, A, B, C, D) \
	VPXORD A, A, A \
	VPXORD B, B, B \
	VPXORD C, C, C \
	VPXORD D, D, D

// Adds the products of 16 elements of a vector with those of four rows.
#define PRODUCT(LANES, X, FREE, A, B, C, D) \
	VMOVUPS     X(BX), FREE    \
	VFMADD231PS FREE, Z24, A   \
	VFMADD231PS FREE, Z25, B   \
	VFMADD231PS FREE, Z26, C   \
	VFMADD231PS FREE, Z27, D

// Folds the lanes of four rows into four floats at DX, and goes on to the next vector's. Z31 holds 0, 4, 8, 12.
#define FOLD(LANES, X, FREE, A, B, C, D) \
	VSHUFF64X2 $0x44, B, A, Z24     \
	VSHUFF64X2 $0xee, B, A, Z25     \
	VSHUFF64X2 $0x44, D, C, Z26     \
	VSHUFF64X2 $0xee, D, C, Z27     \
	VADDPS     Z25, Z24, Z24        \
	VADDPS     Z27, Z26, Z26        \
	VSHUFF64X2 $0x88, Z26, Z24, Z25 \
	VSHUFF64X2 $0xdd, Z26, Z24, Z27 \
	VADDPS     Z27, Z25, Z25        \
	VPERMILPD  $0x55, Z25, Z24      \
	VADDPS     Z24, Z25, Z25        \
	VMOVSHDUP  Z25, Z24             \
	VADDPS     Z24, Z25, Z25        \
	VPERMPS    Z25, Z31, Z25        \
	VMOVUPS    X25, (DX)            \
	ADDQ       R14, DX

// 16 weights at P as floats in Z.
#define FROM32(P, Z) \
	VMOVUPS P, Z
#define FROM16(P, Z) \
	VCVTPH2PS P, Z
#define FROMBF(P, Z) \
	VPMOVZXWD P, Z    \
	VPSLLD    $16, Z, Z

#define NOTHING

// Fetches what the next four rows have here.
#define NEXTROWS \
	PREFETCHT0 (DX)         \
	PREFETCHT0 (DX)(R8*1)   \
	PREFETCHT0 (DX)(R8*2)   \
	PREFETCHT0 (DX)(R9*1)   \
	ADDQ       R10, DX

// A function for V vectors: for every four rows, all steps of 16 columns.
#define TILES(NAME, V, W, FROM, NEXT, L1, L2, L3, L4, L5) \
TEXT NAME(SB), NOSPLIT, $0-8            \
	MOVQ       t+0(FP), DI          \
	MOVQ       floatTile_rowStride(DI), R8 \
	LEAQ       (R8)(R8*2), R9       \
	MOVQ       floatTile_step(DI), R10   \
	MOVQ       floatTile_vectorStep(DI), R11 \
	MOVQ       W(DI), R12           \
	MOVQ       floatTile_acc(DI), R13    \
	MOVQ       floatTile_dstStride(DI), R14 \
	MOVQ       floatTile_dst(DI), AX     \
	MOVQ       floatTile_fours(DI), R15  \
	MOVL       $0x0c080400, BX      \
	VMOVD      BX, X31              \
	VPMOVZXBD  X31, X31             \
L1:                                     \
	MOVQ       R12, SI              \
	MOVQ       floatTile_fourStride(DI), DX \
	ADDQ       R12, DX              \
	MOVQ       floatTile_x(DI), BX       \
	MOVQ       floatTile_steps(DI), CX   \
	CMPB       floatTile_first(DI), $0   \
	JEQ        L2                   \
	V(ZERO)                         \
	JMP        L3                   \
L2:                                     \
	V(LOAD)                         \
L3:                                     \
	NEXT                            \
	FROM((SI), Z24)                 \
	FROM((SI)(R8*1), Z25)           \
	FROM((SI)(R8*2), Z26)           \
	FROM((SI)(R9*1), Z27)           \
	V(PRODUCT)                      \
	ADDQ       R10, SI              \
	ADDQ       R11, BX              \
	DECQ       CX                   \
	JNZ        L3                   \
	CMPB       floatTile_last(DI), $0    \
	JEQ        L4                   \
	MOVQ       AX, DX               \
	V(FOLD)                         \
	ADDQ       $16, AX              \
	JMP        L5                   \
L4:                                     \
	V(STORE)                        \
L5:                                     \
	ADDQ       floatTile_accStride(DI), R13 \
	ADDQ       floatTile_fourStride(DI), R12 \
	DECQ       R15                  \
	JNZ        L1                   \
	VZEROUPPER                      \
	RET

// func tile1AVX512(t *floatTile), and so on to tile6AVX512
TILES(·tile1AVX512, TILE1, floatTile_w, FROM32, NOTHING, four, continued, step, unfinished, next)
TILES(·tile2AVX512, TILE2, floatTile_w, FROM32, NOTHING, four, continued, step, unfinished, next)
TILES(·tile3AVX512, TILE3, floatTile_w, FROM32, NOTHING, four, continued, step, unfinished, next)
TILES(·tile4AVX512, TILE4, floatTile_w, FROM32, NOTHING, four, continued, step, unfinished, next)
TILES(·tile5AVX512, TILE5, floatTile_w, FROM32, NOTHING, four, continued, step, unfinished, next)
TILES(·tile6AVX512, TILE6, floatTile_w, FROM32, NOTHING, four, continued, step, unfinished, next)

// func direct2F32AVX512(t *floatTile), and so on to direct6BF16AVX512: rows of the file.
TILES(·direct2F32AVX512, TILE2, floatTile_stored, FROM32, NEXTROWS, four, continued, step, unfinished, next)
TILES(·direct3F32AVX512, TILE3, floatTile_stored, FROM32, NEXTROWS, four, continued, step, unfinished, next)
TILES(·direct4F32AVX512, TILE4, floatTile_stored, FROM32, NEXTROWS, four, continued, step, unfinished, next)
TILES(·direct5F32AVX512, TILE5, floatTile_stored, FROM32, NEXTROWS, four, continued, step, unfinished, next)
TILES(·direct6F32AVX512, TILE6, floatTile_stored, FROM32, NEXTROWS, four, continued, step, unfinished, next)
TILES(·direct2F16AVX512, TILE2, floatTile_stored, FROM16, NEXTROWS, four, continued, step, unfinished, next)
TILES(·direct3F16AVX512, TILE3, floatTile_stored, FROM16, NEXTROWS, four, continued, step, unfinished, next)
TILES(·direct4F16AVX512, TILE4, floatTile_stored, FROM16, NEXTROWS, four, continued, step, unfinished, next)
TILES(·direct5F16AVX512, TILE5, floatTile_stored, FROM16, NEXTROWS, four, continued, step, unfinished, next)
TILES(·direct6F16AVX512, TILE6, floatTile_stored, FROM16, NEXTROWS, four, continued, step, unfinished, next)
TILES(·direct2BF16AVX512, TILE2, floatTile_stored, FROMBF, NEXTROWS, four, continued, step, unfinished, next)
TILES(·direct3BF16AVX512, TILE3, floatTile_stored, FROMBF, NEXTROWS, four, continued, step, unfinished, next)
TILES(·direct4BF16AVX512, TILE4, floatTile_stored, FROMBF, NEXTROWS, four, continued, step, unfinished, next)
TILES(·direct5BF16AVX512, TILE5, floatTile_stored, FROMBF, NEXTROWS, four, continued, step, unfinished, next)
TILES(·direct6BF16AVX512, TILE6, floatTile_stored, FROMBF, NEXTROWS, four, continued, step, unfinished, next)

// Rows of SIZE*8 bytes by the 16 weights; four rows at SI with R8, R9 and R10 the distances of the others, R11 that of the
// next four.
#define DOTS(NAME, FROM, SIZE, L1, L2, L3, L4, L5, L6) \
TEXT NAME(SB), NOSPLIT, $0-48           \
	MOVQ       dst+0(FP), DX        \
	MOVQ       w+8(FP), SI          \
	MOVQ       stride+16(FP), R8    \
	MOVQ       rows+24(FP), R15     \
	MOVQ       x+32(FP), BX         \
	MOVQ       steps+40(FP), R14    \
	LEAQ       (R8*2), R9           \
	LEAQ       (R8)(R8*2), R10      \
	LEAQ       (R8*4), R11          \
	MOVL       $0x0c080400, AX      \
	VMOVD      AX, X31              \
	VPMOVZXBD  X31, X31             \
	SUBQ       $4, R15              \
	JLT        L3                   \
L1:                                     \
	MOVQ       SI, DI               \
	LEAQ       (SI)(R11*1), R12     \
	MOVQ       BX, R13              \
	MOVQ       R14, CX              \
	ZERO(0, 0, Z0, Z0, Z1, Z2, Z3)  \
L2:                                     \
	VMOVUPS    (R13), Z28           \
	PREFETCHT0 (R12)                \
	FROM((DI), Z24)                 \
	PREFETCHT0 (R12)(R8*1)          \
	FROM((DI)(R8*1), Z25)           \
	PREFETCHT0 (R12)(R9*1)          \
	FROM((DI)(R9*1), Z26)           \
	PREFETCHT0 (R12)(R10*1)         \
	FROM((DI)(R10*1), Z27)          \
	VFMADD231PS Z28, Z24, Z0        \
	VFMADD231PS Z28, Z25, Z1        \
	VFMADD231PS Z28, Z26, Z2        \
	VFMADD231PS Z28, Z27, Z3        \
	ADDQ       $64, R13             \
	ADDQ       $(16*SIZE), DI       \
	ADDQ       $(16*SIZE), R12      \
	DECQ       CX                   \
	JNZ        L2                   \
	XORQ       R14, R14             \
	FOLD(0, 0, Z28, Z0, Z1, Z2, Z3) \
	MOVQ       steps+40(FP), R14    \
	ADDQ       $16, DX              \
	ADDQ       R11, SI              \
	SUBQ       $4, R15              \
	JGE        L1                   \
L3:                                     \
	ADDQ       $4, R15              \
	JZ         L6                   \
L4:                                     \
	MOVQ       SI, DI               \
	MOVQ       BX, R13              \
	MOVQ       R14, CX              \
	VPXORD     Z0, Z0, Z0           \
L5:                                     \
	FROM((DI), Z24)                 \
	VFMADD231PS (R13), Z24, Z0      \
	ADDQ       $64, R13             \
	ADDQ       $(16*SIZE), DI       \
	DECQ       CX                   \
	JNZ        L5                   \
	VEXTRACTF64X4 $1, Z0, Y1        \
	VADDPS     Y1, Y0, Y0           \
	VEXTRACTF128 $1, Y0, X1         \
	VADDPS     X1, X0, X0           \
	VPSRLDQ    $8, X0, X1           \
	VADDPS     X1, X0, X0           \
	VMOVSHDUP  X0, X1               \
	VADDSS     X1, X0, X0           \
	VMOVSS     X0, (DX)             \
	ADDQ       $4, DX               \
	ADDQ       R8, SI               \
	DECQ       R15                  \
	JNZ        L4                   \
L6:                                     \
	VZEROUPPER                      \
	RET

// func dotF32AVX512(dst *float32, w *byte, stride, rows int, x *float32, steps int), and the other types
DOTS(·dotF32AVX512, FROM32, 4, four, step4, rest, one, step1, done)
DOTS(·dotF16AVX512, FROM16, 2, four, step4, rest, one, step1, done)
DOTS(·dotBF16AVX512, FROMBF, 2, four, step4, rest, one, step1, done)

#define SPREAD(NAME, FROM, SIZE, L) \
TEXT NAME(SB), NOSPLIT, $0-40     \
	MOVQ    dst+0(FP), DI     \
	MOVQ    src+8(FP), SI     \
	MOVQ    steps+16(FP), CX  \
	MOVQ    stride+24(FP), DX \
	MOVQ    ahead+32(FP), BX  \
L:                                \
	PREFETCHT0 (SI)(BX*1)     \
	FROM((SI), Z0)            \
	VMOVUPS Z0, (DI)          \
	ADDQ    $(16*SIZE), SI    \
	ADDQ    DX, DI            \
	DECQ    CX                \
	JNZ     L                 \
	VZEROUPPER                \
	RET

// func spreadF32AVX512(dst *float32, src *byte, steps, stride, ahead int), and the other types
SPREAD(·spreadF32AVX512, FROM32, 4, step)
SPREAD(·spreadF16AVX512, FROM16, 2, step)
SPREAD(·spreadBF16AVX512, FROMBF, 2, step)


// The sums of one to six outputs: F(their place, a row's factor, a free register, four accumulators).
#define SUMS1(F) \
	F((DI), (BX), Z28, Z0, Z1, Z2, Z3)
#define SUMS2(F) \
	SUMS1(F) \
	F((DI)(R10*1), (BX)(R8*1), Z29, Z4, Z5, Z6, Z7)
#define SUMS3(F) \
	SUMS2(F) \
	F((DI)(R10*2), (BX)(R8*2), Z28, Z8, Z9, Z10, Z11)
#define SUMS4(F) \
	SUMS3(F) \
	F((R13), (R12), Z29, Z12, Z13, Z14, Z15)
#define SUMS5(F) \
	SUMS4(F) \
	F((R13)(R10*1), (R12)(R8*1), Z28, Z16, Z17, Z18, Z19)
#define SUMS6(F) \
	SUMS5(F) \
	F((R13)(R10*2), (R12)(R8*2), Z29, Z20, Z21, Z22, Z23)

#define LOADSUM(OUT, P, FREE, A, B, C, D) \
	VMOVUPS OUT, A    \
	VMOVUPS 64 OUT, B \
	VMOVUPS 128 OUT, C \
	VMOVUPS 192 OUT, D

#define STORESUM(OUT, P, FREE, A, B, C, D) \
	VMOVUPS A, OUT    \
	VMOVUPS B, 64 OUT \
	VMOVUPS C, 128 OUT \
	VMOVUPS D, 192 OUT

#define ADDSUM(OUT, P, FREE, A, B, C, D) \
	VBROADCASTSS P, FREE       \
	VFMADD231PS  FREE, Z24, A  \
	VFMADD231PS  FREE, Z25, B  \
	VFMADD231PS  FREE, Z26, C  \
	VFMADD231PS  FREE, Z27, D

// The same for 16 elements.
#define LOADSUM1(OUT, P, FREE, A, B, C, D) \
	VMOVUPS OUT, A

#define STORESUM1(OUT, P, FREE, A, B, C, D) \
	VMOVUPS A, OUT

#define ADDSUM1(OUT, P, FREE, A, B, C, D) \
	VFMADD231PS.BCST P, Z24, A

#define PARTS(N, V, LOAD, ADD, STORE, L1, L2) \
L1:                                     \
	V(LOAD)                         \
	MOVQ    R11, SI                 \
	MOVQ    mix_p(AX), BX           \
	LEAQ    (R8)(R8*2), R12         \
	ADDQ    BX, R12                 \
	MOVQ    mix_rows(AX), CX        \
L2:                                     \
	VMOVUPS (SI), Z24               \
	N                               \
	V(ADD)                          \
	ADDQ    R9, SI                  \
	ADDQ    $4, BX                  \
	ADDQ    $4, R12                 \
	DECQ    CX                      \
	JNZ     L2                      \
	V(STORE)

#define MORE \
	VMOVUPS 64(SI), Z25  \
	VMOVUPS 128(SI), Z26 \
	VMOVUPS 192(SI), Z27

#define NOMORE

// A function for V outputs: 64 elements of them stay in registers while all rows are added.
#define MIX(NAME, V, L1, L2, L3, L4, L5, L6) \
TEXT NAME(SB), NOSPLIT, $0-8            \
	MOVQ  m+0(FP), AX               \
	MOVQ  mix_out(AX), DI           \
	MOVQ  mix_outStride(AX), R10    \
	MOVQ  mix_pStride(AX), R8       \
	MOVQ  mix_stride(AX), R9        \
	MOVQ  mix_w(AX), R11            \
	MOVQ  mix_parts(AX), R15        \
	LEAQ  (R10)(R10*2), R13         \
	ADDQ  DI, R13                   \
	SUBQ  $4, R15                   \
	JLT   L3                        \
	PARTS(MORE, V, LOADSUM, ADDSUM, STORESUM, L1, L2) \
	ADDQ  $256, DI                  \
	ADDQ  $256, R13                 \
	ADDQ  $256, R11                 \
	SUBQ  $4, R15                   \
	JGE   L1                        \
L3:                                     \
	ADDQ  $4, R15                   \
	JZ    L6                        \
	PARTS(NOMORE, V, LOADSUM1, ADDSUM1, STORESUM1, L4, L5) \
	ADDQ  $64, DI                   \
	ADDQ  $64, R13                  \
	ADDQ  $64, R11                  \
	DECQ  R15                       \
	JNZ   L4                        \
L6:                                     \
	VZEROUPPER                      \
	RET

// func mix1AVX512(m *mix), and so on to mix6AVX512
MIX(·mix1AVX512, SUMS1, wide, row4, narrow, part, row1, done)
MIX(·mix2AVX512, SUMS2, wide, row4, narrow, part, row1, done)
MIX(·mix3AVX512, SUMS3, wide, row4, narrow, part, row1, done)
MIX(·mix4AVX512, SUMS4, wide, row4, narrow, part, row1, done)
MIX(·mix5AVX512, SUMS5, wide, row4, narrow, part, row1, done)
MIX(·mix6AVX512, SUMS6, wide, row4, narrow, part, row1, done)

// func dotRowsAVX512(dst, w *float32, stride, rows int, x *float32, steps int)
TEXT ·dotRowsAVX512(SB), NOSPLIT, $0-48
	JMP ·dotF32AVX512(SB)

// func orderAVX512(dst, src *float32, steps, stride, ahead int)
TEXT ·orderAVX512(SB), NOSPLIT, $0-40
	JMP ·spreadF32AVX512(SB)

// func addRowsAVX512(out, w *float32, stride, rows int, p *float32, parts int)
// A mix of one output is made in the frame.
TEXT ·addRowsAVX512(SB), NOSPLIT, $88-48
	MOVQ out+0(FP), AX
	MOVQ AX, (8+mix_out)(SP)
	MOVQ w+8(FP), AX
	MOVQ AX, (8+mix_w)(SP)
	MOVQ stride+16(FP), AX
	MOVQ AX, (8+mix_stride)(SP)
	MOVQ rows+24(FP), AX
	MOVQ AX, (8+mix_rows)(SP)
	MOVQ p+32(FP), AX
	MOVQ AX, (8+mix_p)(SP)
	MOVQ parts+40(FP), AX
	MOVQ AX, (8+mix_parts)(SP)
	XORQ AX, AX
	MOVQ AX, (8+mix_outStride)(SP)
	MOVQ AX, (8+mix_pStride)(SP)
	MOVQ AX, (8+mix_from)(SP)
	LEAQ 8(SP), AX
	MOVQ AX, 0(SP)
	CALL ·mix1AVX512(SB)
	RET
