//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "mul_avx2_amd64.h"

// Products of 16 rows and one vector without packing, in halves of eight rows, with AVX2. The bytes of a row are multiplied
// where they lie, and the sums of eight rows brought into one register, a lane for each.
//
// Y0 to Y7 are the sums of eight rows, Y8 is 32 elements, Y9 and Y10 are free, Y15 is ones. SI is the vector's elements and BX
// its blocks.

#define TAKE \
	MOVQ    out+40(FP), AX   \
	VMOVUPS (AX), Y12        \
	VMOVUPS 32(AX), Y13

#define GIVE \
	MOVQ    out+40(FP), AX   \
	VMOVUPS Y12, (AX)        \
	VMOVUPS Y13, 32(AX)      \
	VZEROUPPER               \
	RET

// ACC += the sums times the block's scales, half floats at SCALE, times the vector's.
#define FINISH32(SCALE, ACC) \
	VCVTDQ2PS    Y0, Y0                  \
	VCVTPH2PS    SCALE(DI), Y9           \
	VBROADCASTSS block32_d(BX), Y10      \
	VMULPS       Y10, Y9, Y9             \
	VFMADD231PS  Y0, Y9, ACC

// Signed weights: their magnitudes times the elements with their signs, as in dot_avx2_amd64.s.
#define ROW8(W, SUM) \
	VMOVDQU    W, Y9             \
	VPABSB     Y9, Y10           \
	VPSIGNB    Y9, Y8, Y9        \
	VPMADDUBSW Y9, Y10, SUM      \
	VPMADDWD   Y15, SUM, SUM

// func mulQ8AVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ8AVX2(SB), NOSPLIT, $0-64
	ROWS
	SCALES(0, 0, 34, 32)
	ONES
	VECTOR
	TAKE

block:
	FETCH
	VMOVDQU (SI), Y8
	EIGHTROWS(ROW8, 2, R10, R11)
	SUMS(WIDE, WIDE)
	FINISH32(0, Y12)
	EIGHTROWS(ROW8, 2, R12, R13)
	SUMS(WIDE, WIDE)
	FINISH32(16, Y13)
	NEXT32(34, 32)
	JNZ block
	GIVE

// Shifts that leave the low halves of bytes in the first 16 and bring down the high ones of the same bytes in the others.
DATA halves<>+0(SB)/8, $0
DATA halves<>+8(SB)/8, $0
DATA halves<>+16(SB)/8, $0x0000000400000004
DATA halves<>+24(SB)/8, $0x0000000400000004
GLOBL halves<>(SB), RODATA|NOPTR, $32

// Weights from 0 to 15: Y14 is bytes of 0x0f, Y11 the shifts.
#define ROW4(W, SUM) \
	VBROADCASTI128 W, Y9             \
	VPSRLVD        Y11, Y9, Y9       \
	VPAND          Y14, Y9, Y9       \
	VPMADDUBSW     Y8, Y9, SUM       \
	VPMADDWD       Y15, SUM, SUM

#define BIAS4 \
	VPBROADCASTD (block32_bias+8)(BX), Y9   \
	VPADDD       Y9, Y0, Y0

// func mulQ4AVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ4AVX2(SB), NOSPLIT, $0-64
	ROWS
	SCALES(0, 0, 18, 32)
	ONES
	BYTES32(0x0f, X14, Y14)
	VMOVDQU halves<>(SB), Y11
	VECTOR
	TAKE

block:
	FETCH
	VMOVDQU (SI), Y8
	EIGHTROWS(ROW4, 2, R10, R11)
	SUMS(NARROW, NARROW)
	BIAS4
	FINISH32(0, Y12)
	EIGHTROWS(ROW4, 2, R12, R13)
	SUMS(NARROW, NARROW)
	BIAS4
	FINISH32(16, Y13)
	NEXT32(18, 32)
	JNZ block
	GIVE

// Where scale I of eight rows waits, and minimum I; half floats of type Q6_K wait before them.
#define SCALEAT(I) (512+32*(I))
#define MINAT(I) (768+32*(I))

// T in Y11 takes cell C: its sum times its scale, and less its minimum times the sum of its elements.
#define CELL4K(ROW, OFF, P, Q, C) \
	VMOVDQU      (32*C)(SI), Y8                    \
	EIGHTROWS(ROW, OFF, P, Q)                      \
	SUMS(NARROW, NARROW)                           \
	VCVTDQ2PS    Y0, Y0                            \
	VFMADD231PS  SCALEAT(C)(DI), Y0, Y11           \
	VBROADCASTSS (block256_sum32+4*C)(BX), Y9      \
	VFNMADD231PS MINAT(C)(DI), Y9, Y11

#define FINISH256(ACC) \
	VBROADCASTSS block256_d(BX), Y9     \
	VFMADD231PS  Y9, Y11, ACC

#define HALF4K(P, Q, ACC) \
	SCALES4K(P, Q)                   \
	VXORPS Y11, Y11, Y11             \
	FETCH                            \
	CELL4K(ROWLOW, 16, P, Q, 0)      \
	CELL4K(ROWHIGH, 16, P, Q, 1)     \
	ADDQ $128, R15                   \
	CELL4K(ROWLOW, 48, P, Q, 2)      \
	CELL4K(ROWHIGH, 48, P, Q, 3)     \
	FETCH                            \
	CELL4K(ROWLOW, 80, P, Q, 4)      \
	CELL4K(ROWHIGH, 80, P, Q, 5)     \
	ADDQ $160, R15                   \
	CELL4K(ROWLOW, 112, P, Q, 6)     \
	CELL4K(ROWHIGH, 112, P, Q, 7)    \
	FINISH256(ACC)

// func mulQ4KAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ4KAVX2(SB), NOSPLIT, $0-64
	ROWS
	ONES
	BYTES32(0x0f, X14, Y14)
	VECTOR
	TAKE

block:
	HALF4K(R10, R11, Y12)
	HALF4K(R12, R13, Y13)
	NEXT256(144)
	JNZ block
	GIVE

// Weights of six bits: the low four of cells 0 and 1 of four are in low halves of bytes, of 2 and 3 in high ones; the high two
// are bits 2J of a byte.
#define SIX(SHIFT, BY, HIGH, SUM) \
	VMOVDQU    HIGH, Y10                 \
	SHIFT      $BY, Y10, Y10             \
	VPAND      toptwo<>(SB), Y10, Y10    \
	VPOR       Y10, Y9, Y9               \
	VPMADDUBSW Y8, Y9, SUM               \
	VPMADDWD   Y15, SUM, SUM

#define ROWSIX(LOAD, OFF, SHIFT, BY, HIGH, A, SUM) \
	LOAD(OFF A)                     \
	SIX(SHIFT, BY, HIGH A, SUM)

#define EIGHTSIX(LOAD, OFF, SHIFT, BY, HIGH, P, Q) \
	ROWSIX(LOAD, OFF, SHIFT, BY, HIGH, (P), Y0)           \
	ROWSIX(LOAD, OFF, SHIFT, BY, HIGH, (P)(R8*1), Y1)     \
	ROWSIX(LOAD, OFF, SHIFT, BY, HIGH, (P)(R8*2), Y2)     \
	ROWSIX(LOAD, OFF, SHIFT, BY, HIGH, (P)(R9*1), Y3)     \
	ROWSIX(LOAD, OFF, SHIFT, BY, HIGH, (Q), Y4)           \
	ROWSIX(LOAD, OFF, SHIFT, BY, HIGH, (Q)(R8*1), Y5)     \
	ROWSIX(LOAD, OFF, SHIFT, BY, HIGH, (Q)(R8*2), Y6)     \
	ROWSIX(LOAD, OFF, SHIFT, BY, HIGH, (Q)(R9*1), Y7)

// Half H of cell C, with sums in SUM.
#define SUMSIX(SUM, C, H) \
	VPBROADCASTD (block256_bias16+8*C+4*H)(BX), Y9   \
	VPADDD       Y9, SUM, SUM                        \
	VCVTDQ2PS    SUM, SUM                            \
	VFMADD231PS  SCALEAT((2*C+H))(DI), SUM, Y11

#define CELLSIX(LOAD, OFF, SHIFT, BY, HIGH, P, Q, C) \
	VMOVDQU (32*C)(SI), Y8                           \
	EIGHTSIX(LOAD, OFF, SHIFT, BY, HIGH, P, Q)       \
	SUMHALVES(NARROW, WIDE)                          \
	SUMSIX(Y1, C, 0)                                 \
	SUMSIX(Y0, C, 1)

#define FOURSIX(OFF, HIGH, P, Q, C) \
	CELLSIX(LOWFOUR, OFF, VPSLLW, 4, HIGH, P, Q, C)            \
	CELLSIX(LOWFOUR, (OFF+32), VPSLLW, 2, HIGH, P, Q, (C+1))   \
	FETCH                                                      \
	ADDQ $128, R15                                             \
	CELLSIX(HIGHFOUR, OFF, VPSRLW, 0, HIGH, P, Q, (C+2))       \
	CELLSIX(HIGHFOUR, (OFF+32), VPSRLW, 2, HIGH, P, Q, (C+3))

// The half floats d of all rows are at (DI).
#define HALF6K(P, Q, D, ACC) \
	COLUMNS16(192, P, Q)                      \
	VCVTPH2PS D(DI), Y4                       \
	SCALES6K                                  \
	VXORPS Y11, Y11, Y11                      \
	FETCH                                     \
	ADDQ $128, R15                            \
	FOURSIX(0, 128, P, Q, 0)                  \
	FOURSIX(64, 160, P, Q, 4)                 \
	ADDQ $36, R15                             \
	FINISH256(ACC)

// func mulQ6KAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ6KAVX2(SB), NOSPLIT, $0-64
	ROWS
	SCALES(208, 0, 210, 32)
	ONES
	BYTES32(0x0f, X14, Y14)
	VECTOR
	TAKE

block:
	HALF6K(R10, R11, 0, Y12)
	HALF6K(R12, R13, 16, Y13)
	ADDQ $32, DI
	NEXT256(210)
	JNZ  block
	GIVE
