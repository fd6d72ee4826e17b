//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "rows_amd64.h"

// Products of 16 rows and one vector without packing, in halves of eight rows, with AVX2. The bytes of a row are multiplied
// where they lie, and the sums of eight rows brought into one register, a lane for each.
//
// Y0 to Y7 are the sums of eight rows, Y8 is 32 elements, Y9 and Y10 are free, Y15 is ones. SI is the vector's elements and BX
// its blocks.

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

// The sums of 16 elements each of all rows: the first halves to Y1, the second to Y0.
#define SUMHALVES \
	VPHADDD    Y1, Y0, Y0          \
	VPHADDD    Y3, Y2, Y2          \
	VPHADDD    Y5, Y4, Y4          \
	VPHADDD    Y7, Y6, Y6          \
	VPHADDD    Y2, Y0, Y0          \
	VPHADDD    Y6, Y4, Y4          \
	VPERM2I128 $0x20, Y4, Y0, Y1   \
	VPERM2I128 $0x31, Y4, Y0, Y0

#define SUMS \
	SUMHALVES           \
	VPADDD Y1, Y0, Y0

// ACC += the sums times the block's scales, half floats at SCALE, times the vector's.
#define FINISH32(SCALE, ACC) \
	VCVTDQ2PS    Y0, Y0                  \
	VCVTPH2PS    SCALE(DI), Y9           \
	VBROADCASTSS block32_d(BX), Y10      \
	VMULPS       Y10, Y9, Y9             \
	VFMADD231PS  Y0, Y9, ACC

#define NEXT32(SIZE) \
	ADDQ $32, DI               \
	ADDQ $32, SI               \
	ADDQ $block32__size, BX    \
	ADDQ $(4*SIZE), R15        \
	NEXTBLOCK(SIZE)            \
	DECQ DX

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
	SUMS
	FINISH32(0, Y12)
	EIGHTROWS(ROW8, 2, R12, R13)
	SUMS
	FINISH32(16, Y13)
	NEXT32(34)
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
	SUMS
	BIAS4
	FINISH32(0, Y12)
	EIGHTROWS(ROW4, 2, R12, R13)
	SUMS
	BIAS4
	FINISH32(16, Y13)
	NEXT32(18)
	JNZ block
	GIVE

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

// T in Y11 takes cell C: its sum times its scale, and less its minimum times the sum of its elements.
#define CELL4K(ROW, OFF, P, Q, C) \
	VMOVDQU      (32*C)(SI), Y8                    \
	EIGHTROWS(ROW, OFF, P, Q)                      \
	SUMS                                           \
	VCVTDQ2PS    Y0, Y0                            \
	VFMADD231PS  (32*C)(DI), Y0, Y11               \
	VBROADCASTSS (block256_sum32+4*C)(BX), Y9      \
	VFNMADD231PS (256+32*C)(DI), Y9, Y11

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

#define NEXT256(SIZE) \
	ADDQ $256, SI               \
	ADDQ $block256__size, BX    \
	NEXTBLOCK(SIZE)             \
	DECQ DX

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
#define LOWSIX(W) \
	VPAND W, Y14, Y9

#define HIGHSIX(W) \
	VMOVDQU W, Y9        \
	VPSRLW  $4, Y9, Y9   \
	VPAND   Y14, Y9, Y9

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
	VFMADD231PS  (512+64*C+32*H)(DI), SUM, Y11

#define CELLSIX(LOAD, OFF, SHIFT, BY, HIGH, P, Q, C) \
	VMOVDQU (32*C)(SI), Y8                           \
	EIGHTSIX(LOAD, OFF, SHIFT, BY, HIGH, P, Q)       \
	SUMHALVES                                        \
	SUMSIX(Y1, C, 0)                                 \
	SUMSIX(Y0, C, 1)

#define FOURSIX(OFF, HIGH, P, Q, C) \
	CELLSIX(LOWSIX, OFF, VPSLLW, 4, HIGH, P, Q, C)            \
	CELLSIX(LOWSIX, (OFF+32), VPSLLW, 2, HIGH, P, Q, (C+1))   \
	FETCH                                                     \
	ADDQ $128, R15                                            \
	CELLSIX(HIGHSIX, OFF, VPSRLW, 0, HIGH, P, Q, (C+2))       \
	CELLSIX(HIGHSIX, (OFF+32), VPSRLW, 2, HIGH, P, Q, (C+3))

// The half floats d of all rows are at (DI), sixteen vectors of scales come to 512(DI).
#define HALF6K(P, Q, D, ACC) \
	COLUMNS16(192, P, Q)                      \
	VCVTPH2PS D(DI), Y4                       \
	FOURSCALES(SIGNEDSCALE, Y0, Y4, 512)      \
	FOURSCALES(SIGNEDSCALE, Y1, Y4, 640)      \
	FOURSCALES(SIGNEDSCALE, Y2, Y4, 768)      \
	FOURSCALES(SIGNEDSCALE, Y3, Y4, 896)      \
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
