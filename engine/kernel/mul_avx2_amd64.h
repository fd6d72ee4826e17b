// What products of rows and one vector with AVX2 share (see mul_avx2_amd64.s).

#include "scales_avx2_amd64.h"

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
