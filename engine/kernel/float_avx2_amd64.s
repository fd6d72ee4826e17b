//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// There are 16 registers, so a tile of four rows and up to three vectors is done in two halves, lanes 0 to 7 and then 8 to
// 15, and the lanes are folded from memory.

#define TILE1(F) \
	F(0, 0, Y13, Y0, Y1, Y2, Y3)
#define TILE2(F) \
	TILE1(F) \
	F(256, 64, Y14, Y4, Y5, Y6, Y7)
#define TILE3(F) \
	TILE2(F) \
	F(512, 128, Y15, Y8, Y9, Y10, Y11)

#define LOAD(LANES, X, XREG, A, B, C, D) \
	VMOVUPS LANES(R13), A       \
	VMOVUPS (LANES+64)(R13), B  \
	VMOVUPS (LANES+128)(R13), C \
	VMOVUPS (LANES+192)(R13), D

#define STORE(LANES, X, XREG, A, B, C, D) \
	VMOVUPS A, LANES(R13)       \
	VMOVUPS B, (LANES+64)(R13)  \
	VMOVUPS C, (LANES+128)(R13) \
	VMOVUPS D, (LANES+192)(R13)

#define ZERO(LANES, X, XREG, A, B, C, D) \
	VXORPS A, A, A \
	VXORPS B, B, B \
	VXORPS C, C, C \
	VXORPS D, D, D

#define VECTOR(LANES, X, XREG, A, B, C, D) \
	VMOVUPS X(BX), XREG

#define ROW0(LANES, X, XREG, A, B, C, D) \
	VFMADD231PS XREG, Y12, A
#define ROW1(LANES, X, XREG, A, B, C, D) \
	VFMADD231PS XREG, Y12, B
#define ROW2(LANES, X, XREG, A, B, C, D) \
	VFMADD231PS XREG, Y12, C
#define ROW3(LANES, X, XREG, A, B, C, D) \
	VFMADD231PS XREG, Y12, D

// Eight lanes each of four rows, into four floats at P, by way of rows 0, 2, 1 and 3 at every second place.
#define FOLD8(A, B, C, D, XA, P) \
	VPERM2F128 $0x20, B, A, Y4  \
	VPERM2F128 $0x31, B, A, Y5  \
	VPERM2F128 $0x20, D, C, Y6  \
	VPERM2F128 $0x31, D, C, Y7  \
	VADDPS     Y5, Y4, Y4       \
	VADDPS     Y7, Y6, Y6       \
	VUNPCKLPD  Y6, Y4, Y5       \
	VUNPCKHPD  Y6, Y4, Y7       \
	VADDPS     Y7, Y5, Y5       \
	VMOVSHDUP  Y5, Y7           \
	VADDPS     Y7, Y5, A        \
	VEXTRACTF128 $1, A, X4      \
	VSHUFPS    $0xa0, X4, X4, X4 \
	VBLENDPS   $0x0a, X4, XA, XA \
	VMOVUPS    XA, P

#define FOLD(LANES, X, XREG, A, B, C, D) \
	VMOVUPS LANES(R13), Y0              \
	VMOVUPS (LANES+64)(R13), Y1         \
	VMOVUPS (LANES+128)(R13), Y2        \
	VMOVUPS (LANES+192)(R13), Y3        \
	VADDPS  (LANES+32)(R13), Y0, Y0     \
	VADDPS  (LANES+96)(R13), Y1, Y1     \
	VADDPS  (LANES+160)(R13), Y2, Y2    \
	VADDPS  (LANES+224)(R13), Y3, Y3    \
	FOLD8(Y0, Y1, Y2, Y3, X0, (DX))     \
	ADDQ    R14, DX

#define TILES(NAME, V, L1, L2, L3, L4, L5) \
TEXT NAME(SB), NOSPLIT, $0-8            \
	MOVQ   t+0(FP), DI              \
	MOVQ   floatTile_rowStride(DI), R8   \
	LEAQ   (R8)(R8*2), R9           \
	MOVQ   floatTile_step(DI), R10       \
	MOVQ   floatTile_vectorStep(DI), R11 \
	MOVQ   floatTile_w(DI), R12          \
	MOVQ   floatTile_from(DI), R13       \
	SHLQ   $8, R13                  \
	ADDQ   floatTile_acc(DI), R13        \
	MOVQ   floatTile_dstStride(DI), R14  \
	MOVQ   floatTile_from(DI), AX        \
	IMULQ  R14, AX                  \
	ADDQ   floatTile_dst(DI), AX         \
	MOVQ   floatTile_fours(DI), R15      \
L1:                                     \
	MOVQ   R12, SI                  \
	MOVQ   floatTile_from(DI), BX        \
	SHLQ   $6, BX                   \
	ADDQ   floatTile_x(DI), BX           \
L2:                                     \
	MOVQ   floatTile_steps(DI), CX       \
	CMPB   floatTile_first(DI), $0       \
	JEQ    L3                       \
	V(ZERO)                         \
	JMP    L4                       \
L3:                                     \
	V(LOAD)                         \
L4:                                     \
	V(VECTOR)                       \
	VMOVUPS (SI), Y12               \
	V(ROW0)                         \
	VMOVUPS (SI)(R8*1), Y12         \
	V(ROW1)                         \
	VMOVUPS (SI)(R8*2), Y12         \
	V(ROW2)                         \
	VMOVUPS (SI)(R9*1), Y12         \
	V(ROW3)                         \
	ADDQ   R10, SI                  \
	ADDQ   R11, BX                  \
	DECQ   CX                       \
	JNZ    L4                       \
	V(STORE)                        \
	ADDQ   $32, R13                 \
	MOVQ   R12, SI                  \
	ADDQ   $32, SI                  \
	MOVQ   floatTile_from(DI), BX        \
	SHLQ   $6, BX                   \
	ADDQ   floatTile_x(DI), BX           \
	ADDQ   $32, BX                  \
	XORQ   $1, floatTile_half(DI)        \
	TESTQ  $1, floatTile_half(DI)        \
	JNE    L2                       \
	SUBQ   $64, R13                 \
	CMPB   floatTile_last(DI), $0        \
	JEQ    L5                       \
	MOVQ   AX, DX                   \
	V(FOLD)                         \
	ADDQ   $16, AX                  \
L5:                                     \
	ADDQ   floatTile_accStride(DI), R13  \
	ADDQ   floatTile_fourStride(DI), R12 \
	DECQ   R15                      \
	JNZ    L1                       \
	VZEROUPPER                      \
	RET

// func tile1AVX2(t *floatTile), and so on to tile3AVX2; tile.half is 0 before and after
TILES(·tile1AVX2, TILE1, four, half, continued, step, next)
TILES(·tile2AVX2, TILE2, four, half, continued, step, next)
TILES(·tile3AVX2, TILE3, four, half, continued, step, next)

// 8 weights at P as floats in Y.
#define FROM32(P, Y) \
	VMOVUPS P, Y
#define FROM16(P, Y) \
	VCVTPH2PS P, Y
#define FROMBF(P, Y) \
	VPMOVZXWD P, Y    \
	VPSLLD    $16, Y, Y

// The products of a row at P with 16 elements in Y8 and Y9.
#define ROW(FROM, SIZE, P, LO, HI) \
	FROM(P, Y10)              \
	FROM((8*SIZE) P, Y11)     \
	VFMADD231PS Y8, Y10, LO   \
	VFMADD231PS Y9, Y11, HI

// Four rows at SI with R8, R9 and R10 the distances of the others, R11 that of the next four.
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
	SUBQ       $4, R15              \
	JLT        L3                   \
L1:                                     \
	MOVQ       SI, DI               \
	LEAQ       (SI)(R11*1), R12     \
	MOVQ       BX, R13              \
	MOVQ       R14, CX              \
	ZERO(0, 0, 0, Y0, Y1, Y2, Y3)   \
	ZERO(0, 0, 0, Y4, Y5, Y6, Y7)   \
L2:                                     \
	VMOVUPS    (R13), Y8            \
	VMOVUPS    32(R13), Y9          \
	PREFETCHT0 (R12)                \
	ROW(FROM, SIZE, (DI), Y0, Y1)   \
	PREFETCHT0 (R12)(R8*1)          \
	ROW(FROM, SIZE, (DI)(R8*1), Y2, Y3) \
	PREFETCHT0 (R12)(R9*1)          \
	ROW(FROM, SIZE, (DI)(R9*1), Y4, Y5) \
	PREFETCHT0 (R12)(R10*1)         \
	ROW(FROM, SIZE, (DI)(R10*1), Y6, Y7) \
	ADDQ       $64, R13             \
	ADDQ       $(16*SIZE), DI       \
	ADDQ       $(16*SIZE), R12      \
	DECQ       CX                   \
	JNZ        L2                   \
	VADDPS     Y1, Y0, Y0           \
	VADDPS     Y3, Y2, Y1           \
	VADDPS     Y5, Y4, Y2           \
	VADDPS     Y7, Y6, Y3           \
	FOLD8(Y0, Y1, Y2, Y3, X0, (DX)) \
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
	VXORPS     Y0, Y0, Y0           \
	VXORPS     Y1, Y1, Y1           \
L5:                                     \
	VMOVUPS    (R13), Y8            \
	VMOVUPS    32(R13), Y9          \
	ROW(FROM, SIZE, (DI), Y0, Y1)   \
	ADDQ       $64, R13             \
	ADDQ       $(16*SIZE), DI       \
	DECQ       CX                   \
	JNZ        L5                   \
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

// func dotF32AVX2(dst *float32, w *byte, stride, rows int, x *float32, steps int), and the other types
DOTS(·dotF32AVX2, FROM32, 4, four, step4, rest, one, step1, done)
DOTS(·dotF16AVX2, FROM16, 2, four, step4, rest, one, step1, done)
DOTS(·dotBF16AVX2, FROMBF, 2, four, step4, rest, one, step1, done)

// func dotRowsAVX2(dst, w *float32, stride, rows int, x *float32, steps int)
TEXT ·dotRowsAVX2(SB), NOSPLIT, $0-48
	JMP ·dotF32AVX2(SB)

#define SPREAD(NAME, FROM, SIZE, L) \
TEXT NAME(SB), NOSPLIT, $0-40     \
	MOVQ    dst+0(FP), DI     \
	MOVQ    src+8(FP), SI     \
	MOVQ    steps+16(FP), CX  \
	MOVQ    stride+24(FP), DX \
	MOVQ    ahead+32(FP), BX  \
L:                                \
	PREFETCHT0 (SI)(BX*1)     \
	FROM((SI), Y0)            \
	FROM((8*SIZE)(SI), Y1)    \
	VMOVUPS Y0, (DI)          \
	VMOVUPS Y1, 32(DI)        \
	ADDQ    $(16*SIZE), SI    \
	ADDQ    DX, DI            \
	DECQ    CX                \
	JNZ     L                 \
	VZEROUPPER                \
	RET

// func spreadF32AVX2(dst *float32, src *byte, steps, stride, ahead int), and the other types
SPREAD(·spreadF32AVX2, FROM32, 4, step)
SPREAD(·spreadF16AVX2, FROM16, 2, step)
SPREAD(·spreadBF16AVX2, FROMBF, 2, step)

// func orderAVX2(dst, src *float32, steps, stride, ahead int)
TEXT ·orderAVX2(SB), NOSPLIT, $0-40
	JMP ·spreadF32AVX2(SB)

// The sums of one to three outputs.
#define SUMS1(F) \
	F((DI), (BX), Y13, Y0, Y1, Y2, Y3)
#define SUMS2(F) \
	SUMS1(F) \
	F((DI)(R10*1), (BX)(R8*1), Y14, Y4, Y5, Y6, Y7)
#define SUMS3(F) \
	SUMS2(F) \
	F((DI)(R10*2), (BX)(R8*2), Y15, Y8, Y9, Y10, Y11)

#define LOADSUM2(OUT, P, PREG, A, B, C, D) \
	VMOVUPS OUT, A     \
	VMOVUPS 32 OUT, B

#define LOADSUM(OUT, P, PREG, A, B, C, D) \
	LOADSUM2(OUT, P, PREG, A, B, C, D) \
	VMOVUPS 64 OUT, C  \
	VMOVUPS 96 OUT, D

#define STORESUM2(OUT, P, PREG, A, B, C, D) \
	VMOVUPS A, OUT     \
	VMOVUPS B, 32 OUT

#define STORESUM(OUT, P, PREG, A, B, C, D) \
	STORESUM2(OUT, P, PREG, A, B, C, D) \
	VMOVUPS C, 64 OUT  \
	VMOVUPS D, 96 OUT

#define FACTOR(OUT, P, PREG, A, B, C, D) \
	VBROADCASTSS P, PREG
#define ADD0(OUT, P, PREG, A, B, C, D) \
	VFMADD231PS PREG, Y12, A
#define ADD1(OUT, P, PREG, A, B, C, D) \
	VFMADD231PS PREG, Y12, B
#define ADD2(OUT, P, PREG, A, B, C, D) \
	VFMADD231PS PREG, Y12, C
#define ADD3(OUT, P, PREG, A, B, C, D) \
	VFMADD231PS PREG, Y12, D

#define SECONDHALF(V) \
	VMOVUPS 64(SI), Y12 \
	V(ADD2)             \
	VMOVUPS 96(SI), Y12 \
	V(ADD3)

#define NOTHING(V)

#define PARTS(REST, V, LOAD, STORE, L1, L2) \
L1:                                 \
	V(LOAD)                     \
	MOVQ    R11, SI             \
	MOVQ    R14, BX             \
	MOVQ    mix_rows(AX), CX    \
L2:                                 \
	V(FACTOR)                   \
	VMOVUPS (SI), Y12           \
	V(ADD0)                     \
	VMOVUPS 32(SI), Y12         \
	V(ADD1)                     \
	REST(V)                     \
	ADDQ    R9, SI              \
	ADDQ    $4, BX              \
	DECQ    CX                  \
	JNZ     L2                  \
	V(STORE)

#define MIX(NAME, V, L1, L2, L3, L4, L5, L6) \
TEXT NAME(SB), NOSPLIT, $0-8            \
	MOVQ  m+0(FP), AX               \
	MOVQ  mix_outStride(AX), R10    \
	MOVQ  mix_from(AX), DI          \
	IMULQ R10, DI                   \
	ADDQ  mix_out(AX), DI           \
	MOVQ  mix_pStride(AX), R8       \
	MOVQ  mix_from(AX), R14         \
	IMULQ R8, R14                   \
	ADDQ  mix_p(AX), R14            \
	MOVQ  mix_stride(AX), R9        \
	MOVQ  mix_w(AX), R11            \
	MOVQ  mix_parts(AX), R15        \
	SUBQ  $2, R15                   \
	JLT   L3                        \
	PARTS(SECONDHALF, V, LOADSUM, STORESUM, L1, L2) \
	ADDQ  $128, DI                  \
	ADDQ  $128, R11                 \
	SUBQ  $2, R15                   \
	JGE   L1                        \
L3:                                     \
	ADDQ  $2, R15                   \
	JZ    L6                        \
	PARTS(NOTHING, V, LOADSUM2, STORESUM2, L4, L5) \
L6:                                     \
	VZEROUPPER                      \
	RET

// func mix1AVX2(m *mix), and so on to mix3AVX2
MIX(·mix1AVX2, SUMS1, wide, row4, narrow, part, row1, done)
MIX(·mix2AVX2, SUMS2, wide, row4, narrow, part, row1, done)
MIX(·mix3AVX2, SUMS3, wide, row4, narrow, part, row1, done)

// func addRowsAVX2(out, w *float32, stride, rows int, p *float32, parts int)
// A mix of one output is made in the frame.
TEXT ·addRowsAVX2(SB), NOSPLIT, $88-48
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
	CALL ·mix1AVX2(SB)
	RET
