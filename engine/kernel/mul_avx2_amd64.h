// What products of rows and one vector with AVX2 share (see mul_avx2_amd64.s; rows_amd64.h for the registers).

#include "rows_amd64.h"

#define BYTES32(V, X, Y) \
	MOVL $V, AX           \
	VMOVD AX, X           \
	VPBROADCASTB X, Y

#define ONES \
	VPCMPEQW Y15, Y15, Y15     \
	VPSRLW   $15, Y15, Y15

#define VECTOR \
	MOVQ q+48(FP), SI      \
	MOVQ block+56(FP), BX

// ROW of the rows 0 to 3 from P on and 4 to 7 from Q on.
#define EIGHTROWS(ROW, OFF, P, Q) \
	ROW(OFF(P), Y0)           \
	ROW(OFF(P)(R8*1), Y1)     \
	ROW(OFF(P)(R8*2), Y2)     \
	ROW(OFF(P)(R9*1), Y3)     \
	ROW(OFF(Q), Y4)           \
	ROW(OFF(Q)(R8*1), Y5)     \
	ROW(OFF(Q)(R8*2), Y6)     \
	ROW(OFF(Q)(R9*1), Y7)

// Two registers' sums of neighbours, by quarters: those of A and then those of B. NARROW is quicker, where the sums fit in 16 bits.
#define WIDE(B, A) \
	VPHADDD B, A, A

#define NARROW(B, A) \
	VPACKSSDW B, A, A     \
	VPMADDWD  Y15, A, A

// The sums of 16 elements each of all rows: the first halves to Y1, the second to Y0. FIRST adds sums of four elements, and
// SECOND those of eight.
#define SUMHALVES(FIRST, SECOND) \
	FIRST(Y1, Y0)                  \
	FIRST(Y3, Y2)                  \
	FIRST(Y5, Y4)                  \
	FIRST(Y7, Y6)                  \
	SECOND(Y2, Y0)                 \
	SECOND(Y6, Y4)                 \
	VPERM2I128 $0x20, Y4, Y0, Y1   \
	VPERM2I128 $0x31, Y4, Y0, Y0

#define SUMS(FIRST, SECOND) \
	SUMHALVES(FIRST, SECOND)   \
	VPADDD Y1, Y0, Y0

// What a block of 32 has waiting at (DI) takes WAITING bytes.
#define NEXT32(SIZE, WAITING) \
	ADDQ $WAITING, DI          \
	ADDQ $32, SI               \
	ADDQ $block32__size, BX    \
	ADDQ $(4*SIZE), R15        \
	NEXTBLOCK(SIZE)            \
	DECQ DX

#define NEXT256(SIZE) \
	ADDQ $256, SI               \
	ADDQ $block256__size, BX    \
	NEXTBLOCK(SIZE)             \
	DECQ DX

// Four bits of each byte, by the mask in Y14, to Y9.
#define LOWFOUR(W) \
	VPAND W, Y14, Y9

#define HIGHFOUR(W) \
	VMOVDQU W, Y9        \
	VPSRLW  $4, Y9, Y9   \
	VPAND   Y14, Y9, Y9

#define ROWLOW(W, SUM) \
	VPAND      W, Y14, Y9         \
	VPMADDUBSW Y8, Y9, SUM        \
	VPMADDWD   Y15, SUM, SUM

#define ROWHIGH(W, SUM) \
	VMOVDQU    W, Y9              \
	VPSRLW     $4, Y9, Y9         \
	VPAND      Y14, Y9, Y9        \
	VPMADDUBSW Y8, Y9, SUM        \
	VPMADDWD   Y15, SUM, SUM

// The 16 bytes at OFF of eight rows, four in a lane, into Y0 to Y3; Y4 to Y7 are lost.
#define COLUMNS16(OFF, P, Q) \
	VMOVDQU      OFF(P), X0                     \
	VMOVDQU      OFF(P)(R8*1), X1               \
	VMOVDQU      OFF(P)(R8*2), X2               \
	VMOVDQU      OFF(P)(R9*1), X3               \
	VINSERTI128  $1, OFF(Q), Y0, Y0             \
	VINSERTI128  $1, OFF(Q)(R8*1), Y1, Y1       \
	VINSERTI128  $1, OFF(Q)(R8*2), Y2, Y2       \
	VINSERTI128  $1, OFF(Q)(R9*1), Y3, Y3       \
	VPUNPCKLDQ   Y1, Y0, Y4                     \
	VPUNPCKHDQ   Y1, Y0, Y5                     \
	VPUNPCKLDQ   Y3, Y2, Y6                     \
	VPUNPCKHDQ   Y3, Y2, Y7                     \
	VPUNPCKLQDQ  Y6, Y4, Y0                     \
	VPUNPCKHQDQ  Y6, Y4, Y1                     \
	VPUNPCKLQDQ  Y7, Y5, Y2                     \
	VPUNPCKHQDQ  Y7, Y5, Y3

// The floats of a half float in the low word of each lane of S; S is lost.
#define LOWHALFS(S, SX, TO) \
	VPSLLD    $16, S, S        \
	VPSRLD    $16, S, S        \
	HALFS(S, SX, TO)

// The same where the high words are 0.
#define HALFS(S, SX, TO) \
	VPACKUSDW S, S, S          \
	VPERMQ    $0x08, S, S      \
	VCVTPH2PS SX, TO

// Byte K of each lane of S, times F, to the floats at TO.
#define BYTESCALE(S, K, F, TO) \
	VPSLLD    $(24-8*K), S, Y6      \
	VPSRLD    $24, Y6, Y6           \
	VCVTDQ2PS Y6, Y6                \
	VMULPS    F, Y6, Y6             \
	VMOVUPS   Y6, (TO+32*K)(DI)

#define SIGNEDSCALE(S, K, F, TO) \
	VPSLLD    $(24-8*K), S, Y6      \
	VPSRAD    $24, Y6, Y6           \
	VCVTDQ2PS Y6, Y6                \
	VMULPS    F, Y6, Y6             \
	VMOVUPS   Y6, (TO+32*K)(DI)

#define FOURSCALES(SCALE, S, F, TO) \
	SCALE(S, 0, F, TO)   \
	SCALE(S, 1, F, TO)   \
	SCALE(S, 2, F, TO)   \
	SCALE(S, 3, F, TO)

// Constants of super-blocks: bytes of 0x3f and of 0x30.
DATA sixbits<>+0(SB)/8, $0x3f3f3f3f3f3f3f3f
DATA sixbits<>+8(SB)/8, $0x3f3f3f3f3f3f3f3f
DATA sixbits<>+16(SB)/8, $0x3f3f3f3f3f3f3f3f
DATA sixbits<>+24(SB)/8, $0x3f3f3f3f3f3f3f3f
GLOBL sixbits<>(SB), RODATA|NOPTR, $32

DATA toptwo<>+0(SB)/8, $0x3030303030303030
DATA toptwo<>+8(SB)/8, $0x3030303030303030
DATA toptwo<>+16(SB)/8, $0x3030303030303030
DATA toptwo<>+24(SB)/8, $0x3030303030303030
GLOBL toptwo<>(SB), RODATA|NOPTR, $32

// Scales and minima of eight rows of type Q4_K, by the order of scalesQ4K: eight vectors of scales from (DI) on, then eight of
// minima.
#define SCALES4K(P, Q) \
	COLUMNS16(0, P, Q)                           \
	VPSRLD  $16, Y0, Y5                          \
	LOWHALFS(Y0, X0, Y4)                         \
	HALFS(Y5, X5, Y5)                            \
	VPAND   sixbits<>(SB), Y1, Y0                \
	FOURSCALES(BYTESCALE, Y0, Y4, 0)             \
	VPAND   sixbits<>(SB), Y2, Y0                \
	FOURSCALES(BYTESCALE, Y0, Y5, 256)           \
	VPSRLD  $2, Y1, Y1                           \
	VPAND   toptwo<>(SB), Y1, Y1                 \
	VPAND   Y14, Y3, Y0                          \
	VPOR    Y1, Y0, Y0                           \
	FOURSCALES(BYTESCALE, Y0, Y4, 128)           \
	VPSRLD  $2, Y2, Y2                           \
	VPAND   toptwo<>(SB), Y2, Y2                 \
	VPSRLD  $4, Y3, Y3                           \
	VPAND   Y14, Y3, Y3                          \
	VPOR    Y2, Y3, Y0                           \
	FOURSCALES(BYTESCALE, Y0, Y5, 384)
