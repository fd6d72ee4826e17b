//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "mul_avx2_amd64.h"

// Products of 16 rows and one vector with AVX2, as in mul_avx2_amd64.s, of the other types. The rows' sums stay in memory, at
// CX, for registers are scarce.

#define VECTORSUM \
	VECTOR                 \
	MOVQ out+40(FP), CX

#define END \
	VZEROUPPER   \
	RET

// Blocks of 32 have 16 bytes, of which the low halves are 16 weights and the high ones the next 16. Those of rows i and i+4
// are side by side in a register, so that Y0 to Y3 are the sums of eight rows. Y8 is the first 16 elements twice, Y7 the
// others.

#define ELEMENTS(OFF) \
	VBROADCASTI128 OFF(SI), Y8        \
	VBROADCASTI128 (OFF+16)(SI), Y7

// The low halves of row A and B to Y9, the high halves to Y10.
#define LOADPAIR(OFF, A, B) \
	VMOVDQU     OFF A, X9              \
	VINSERTI128 $1, OFF B, Y9, Y9      \
	VPSRLW      $4, Y9, Y10            \
	VPAND       Y14, Y9, Y9            \
	VPAND       Y14, Y10, Y10

// Weights that are not negative, of at most 31.
#define MULPAIR(SUM) \
	VPMADDUBSW Y8, Y9, SUM         \
	VPMADDUBSW Y7, Y10, Y10        \
	VPADDW     Y10, SUM, SUM       \
	VPMADDWD   Y15, SUM, SUM

#define FOURPAIRS(PAIR, OFF, P, Q) \
	PAIR(OFF, (P), (Q), Y0)                    \
	PAIR(OFF, (P)(R8*1), (Q)(R8*1), Y1)        \
	PAIR(OFF, (P)(R8*2), (Q)(R8*2), Y2)        \
	PAIR(OFF, (P)(R9*1), (Q)(R9*1), Y3)

// The sums of 32 elements of all rows to Y0.
#define FOURSUMS(FIRST, SECOND) \
	FIRST(Y1, Y0)     \
	FIRST(Y3, Y2)     \
	SECOND(Y2, Y0)

#define BIAS(K) \
	VPBROADCASTD (block32_bias+4*K)(BX), Y9   \
	VPADDD       Y9, Y0, Y0

// Eight sums at OFF += Y0 times the blocks' scales in Y9 times the vector's.
#define FINISH(OFF) \
	VCVTDQ2PS    Y0, Y0                  \
	VBROADCASTSS block32_d(BX), Y10      \
	VMULPS       Y10, Y9, Y9             \
	VFMADD213PS  OFF(CX), Y9, Y0         \
	VMOVUPS      Y0, OFF(CX)

// The low words of lanes before the high ones.
DATA apart<>+0(SB)/8, $0x0d0c090805040100
DATA apart<>+8(SB)/8, $0x0f0e0b0a07060302
DATA apart<>+16(SB)/8, $0x0d0c090805040100
DATA apart<>+24(SB)/8, $0x0f0e0b0a07060302
GLOBL apart<>(SB), RODATA|NOPTR, $32

// The same with minima; the half floats of both wait in turns.
#define FINISHMIN(OFF) \
	VMOVDQU      OFF(DI), Y9              \
	VPSHUFB      apart<>(SB), Y9, Y9      \
	VPERMQ       $0xd8, Y9, Y9            \
	VCVTPH2PS    X9, Y10                  \
	VEXTRACTI128 $1, Y9, X9               \
	VCVTPH2PS    X9, Y9                   \
	VBROADCASTSS block32_d(BX), Y1        \
	VMULPS       Y1, Y10, Y10             \
	VMULPS       Y1, Y9, Y9               \
	VCVTDQ2PS    Y0, Y0                   \
	VFMADD213PS  OFF(CX), Y10, Y0         \
	VBROADCASTSS block32_sum(BX), Y1      \
	VFMADD231PS  Y1, Y9, Y0               \
	VMOVUPS      Y0, OFF(CX)

// Puts both half floats at OFF of all blocks where they will be needed, as SCALES does with one.
#define SCALESMIN(OFF, SIZE) \
scales:               \
	DWORDS(OFF, DI, 0)   \
	NEXTBLOCK(SIZE)      \
	ADDQ $64, DI         \
	DECQ DX              \
	JNZ  scales          \
	ROWS

#define PAIR4(OFF, A, B, SUM) \
	LOADPAIR(OFF, A, B)   \
	MULPAIR(SUM)

// func mulQ4MinAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ4MinAVX2(SB), NOSPLIT, $0-64
	ROWS
	SCALESMIN(0, 20)
	ONES
	BYTES32(0x0f, X14, Y14)
	VECTORSUM

block:
	FETCH
	ELEMENTS(0)
	FOURPAIRS(PAIR4, 4, R10, R11)
	FOURSUMS(NARROW, NARROW)
	FINISHMIN(0)
	FOURPAIRS(PAIR4, 4, R12, R13)
	FOURSUMS(NARROW, NARROW)
	FINISHMIN(32)
	NEXT32(20, 64)
	JNZ block
	END

// For fifth bits: the bytes of 32 that have the bit of each of the first 16 weights, and of the others; the bit; and 16 with
// the sign that leaves it 16 if it has that of the bit.
DATA fifths<>+0(SB)/8, $0x0000000000000000
DATA fifths<>+8(SB)/8, $0x0101010101010101
DATA fifths<>+16(SB)/8, $0x0202020202020202
DATA fifths<>+24(SB)/8, $0x0303030303030303
DATA fifths<>+32(SB)/8, $0x8040201008040201
DATA fifths<>+40(SB)/8, $0xf010101010101010
GLOBL fifths<>(SB), RODATA|NOPTR, $48

#define FIFTHS \
	VBROADCASTI128 fifths<>(SB), Y5        \
	VBROADCASTI128 fifths<>+16(SB), Y6     \
	VPBROADCASTQ   fifths<>+32(SB), Y11    \
	VPBROADCASTQ   fifths<>+40(SB), Y12

// As PAIR4, with a fifth bit of each weight at FIFTH.
#define PAIRFIVE(OFF, FIFTH, A, B, SUM) \
	LOADPAIR(OFF, A, B)                    \
	VMOVDQU     FIFTH A, X13               \
	VINSERTI128 $1, FIFTH B, Y13, Y13      \
	VPSHUFB     Y5, Y13, Y4                \
	VPSHUFB     Y6, Y13, Y13               \
	VPAND       Y11, Y4, Y4                \
	VPAND       Y11, Y13, Y13              \
	VPSIGNB     Y4, Y12, Y4                \
	VPSIGNB     Y13, Y12, Y13              \
	VPOR        Y4, Y9, Y9                 \
	VPOR        Y13, Y10, Y10              \
	MULPAIR(SUM)

#define PAIR5(OFF, A, B, SUM) \
	PAIRFIVE(OFF, 2, A, B, SUM)

#define PAIR5MIN(OFF, A, B, SUM) \
	PAIRFIVE(OFF, 4, A, B, SUM)

// func mulQ5AVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ5AVX2(SB), NOSPLIT, $0-64
	ROWS
	SCALES(0, 0, 22, 32)
	ONES
	BYTES32(0x0f, X14, Y14)
	FIFTHS
	VECTORSUM

block:
	FETCH
	ELEMENTS(0)
	FOURPAIRS(PAIR5, 6, R10, R11)
	FOURSUMS(NARROW, WIDE)
	BIAS(1)
	VCVTPH2PS (DI), Y9
	FINISH(0)
	FOURPAIRS(PAIR5, 6, R12, R13)
	FOURSUMS(NARROW, WIDE)
	BIAS(1)
	VCVTPH2PS 16(DI), Y9
	FINISH(32)
	NEXT32(22, 32)
	JNZ block
	END

// func mulQ5MinAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ5MinAVX2(SB), NOSPLIT, $0-64
	ROWS
	SCALESMIN(0, 24)
	ONES
	BYTES32(0x0f, X14, Y14)
	FIFTHS
	VECTORSUM

block:
	FETCH
	ELEMENTS(0)
	FOURPAIRS(PAIR5MIN, 8, R10, R11)
	FOURSUMS(NARROW, WIDE)
	FINISHMIN(0)
	FOURPAIRS(PAIR5MIN, 8, R12, R13)
	FOURSUMS(NARROW, WIDE)
	FINISHMIN(32)
	NEXT32(24, 64)
	JNZ block
	END

// Signed weights from the table in Y13: their magnitudes times the elements with their signs.
#define PAIRSIGNED(OFF, A, B, SUM) \
	LOADPAIR(OFF, A, B)          \
	VPSHUFB    Y9, Y13, Y9       \
	VPABSB     Y9, SUM           \
	VPSIGNB    Y9, Y8, Y9        \
	VPMADDUBSW Y9, SUM, SUM      \
	VPSHUFB    Y10, Y13, Y10     \
	VPABSB     Y10, Y9           \
	VPSIGNB    Y10, Y7, Y10      \
	VPMADDUBSW Y10, Y9, Y9       \
	VPMADDWD   Y15, SUM, SUM     \
	VPMADDWD   Y15, Y9, Y9       \
	VPADDD     Y9, SUM, SUM

// func mulNLAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulNLAVX2(SB), NOSPLIT, $0-64
	ROWS
	SCALES(0, 0, 18, 32)
	ONES
	BYTES32(0x0f, X14, Y14)
	VBROADCASTI128 values<>(SB), Y13
	VECTORSUM

block:
	FETCH
	ELEMENTS(0)
	FOURPAIRS(PAIRSIGNED, 2, R10, R11)
	FOURSUMS(WIDE, WIDE)
	VCVTPH2PS (DI), Y9
	FINISH(0)
	FOURPAIRS(PAIRSIGNED, 2, R12, R13)
	FOURSUMS(WIDE, WIDE)
	VCVTPH2PS 16(DI), Y9
	FINISH(32)
	NEXT32(18, 32)
	JNZ block
	END

#define PAIRMX(OFF, A, B, SUM) \
	LOADPAIR(OFF, A, B)        \
	VPSHUFB Y9, Y13, Y9        \
	VPSHUFB Y10, Y13, Y10      \
	MULPAIR(SUM)

// func mulMXAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulMXAVX2(SB), NOSPLIT, $0-64
	ROWS
	SCALES(0, 0, 17, 32)
	ONES
	BYTES32(0x0f, X14, Y14)
	VBROADCASTI128 values<>+32(SB), Y13
	LANESMX
	VECTORSUM

block:
	FETCH
	ELEMENTS(0)
	FOURPAIRS(PAIRMX, 1, R10, R11)
	FOURSUMS(NARROW, WIDE)
	BIAS(1)
	SCALESMX(0)
	FINISH(0)
	FOURPAIRS(PAIRMX, 1, R12, R13)
	FOURSUMS(NARROW, WIDE)
	BIAS(1)
	SCALESMX(16)
	FINISH(32)
	NEXT32(17, 32)
	JNZ block
	END

// Where scale I of eight rows waits, and minimum I.
#define SCALEAT(I) (32*(I))
#define MINAT(I) (512+32*(I))

// Super-blocks: T in Y12 takes SUM, of the scale at SCALE, and then the minimum at MIN of the vector's sum XSUM. With the end
// of the block it goes to the eight sums at OFF.
#define ADDSUM(SUM, SCALE) \
	VCVTDQ2PS   SUM, SUM                   \
	VFMADD231PS (SCALE)(DI), SUM, Y12

#define ADDLOW(MIN, XSUM) \
	VBROADCASTSS (XSUM)(BX), Y9          \
	VFNMADD231PS (MIN)(DI), Y9, Y12

#define FLUSH(OFF) \
	VBROADCASTSS block256_d(BX), Y9       \
	VFMADD213PS  OFF(CX), Y9, Y12         \
	VMOVUPS      Y12, OFF(CX)

#define CELLXS(P, Q, C) \
	ELEMENTS((32*C))                              \
	FOURPAIRS(PAIRSIGNED, (8+16*C), P, Q)         \
	FOURSUMS(WIDE, WIDE)                          \
	ADDSUM(Y0, SCALEAT(C))

#define HALFXS(P, Q, OFF) \
	FETCH                    \
	ADDQ $128, R15           \
	SCALESXS(P, Q)           \
	VXORPS Y12, Y12, Y12     \
	CELLXS(P, Q, 0)          \
	CELLXS(P, Q, 1)          \
	CELLXS(P, Q, 2)          \
	CELLXS(P, Q, 3)          \
	FETCH                    \
	ADDQ $144, R15           \
	CELLXS(P, Q, 4)          \
	CELLXS(P, Q, 5)          \
	CELLXS(P, Q, 6)          \
	CELLXS(P, Q, 7)          \
	FLUSH(OFF)

// func mulXSAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulXSAVX2(SB), NOSPLIT, $0-64
	ROWS
	ONES
	BYTES32(0x0f, X14, Y14)
	VBROADCASTI128 values<>(SB), Y13
	VECTORSUM

block:
	HALFXS(R10, R11, 0)
	HALFXS(R12, R13, 32)
	NEXT256(136)
	JNZ block
	END

// Weights whose highest bit is apart: a bit of the bytes at HIGH, of which Y13 is the mask and which SHIFT brings to its place.
#define ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, A, SUM) \
	LOAD(OFF A)                   \
	VPAND      HIGH A, Y13, Y10   \
	SHIFT(BY)                     \
	VPOR       Y10, Y9, Y9        \
	VPMADDUBSW Y8, Y9, SUM        \
	VPMADDWD   Y15, SUM, SUM

#define EIGHTHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, P, Q) \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (P), Y0)           \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (P)(R8*1), Y1)     \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (P)(R8*2), Y2)     \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (P)(R9*1), Y3)     \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (Q), Y4)           \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (Q)(R8*1), Y5)     \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (Q)(R8*2), Y6)     \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (Q)(R9*1), Y7)

#define CELL5K(LOAD, OFF, SHIFT, BY, P, Q, C) \
	VMOVDQU      (32*C)(SI), Y8                    \
	VPBROADCASTD bits<>+(4*C)(SB), Y13             \
	EIGHTHIGHBIT(LOAD, OFF, 16, SHIFT, BY, P, Q)   \
	SUMS(NARROW, NARROW)                           \
	ADDSUM(Y0, SCALEAT(C))                         \
	ADDLOW(MINAT(C), block256_sum32+4*C)

#define HALF5K(P, Q, OFF) \
	FETCH                                    \
	ADDQ $128, R15                           \
	SCALES4K(P, Q)                           \
	VXORPS Y12, Y12, Y12                     \
	CELL5K(LOWFOUR, 48, UP, 4, P, Q, 0)      \
	CELL5K(HIGHFOUR, 48, UP, 3, P, Q, 1)     \
	FETCH                                    \
	ADDQ $128, R15                           \
	CELL5K(LOWFOUR, 80, UP, 2, P, Q, 2)      \
	CELL5K(HIGHFOUR, 80, UP, 1, P, Q, 3)     \
	CELL5K(LOWFOUR, 112, STAY, 0, P, Q, 4)   \
	FETCH                                    \
	ADDQ $96, R15                            \
	CELL5K(HIGHFOUR, 112, DOWN, 1, P, Q, 5)  \
	CELL5K(LOWFOUR, 144, DOWN, 2, P, Q, 6)   \
	CELL5K(HIGHFOUR, 144, DOWN, 3, P, Q, 7)  \
	FLUSH(OFF)

// func mulQ5KAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ5KAVX2(SB), NOSPLIT, $0-64
	ROWS
	ONES
	BYTES32(0x0f, X14, Y14)
	VECTORSUM

block:
	HALF5K(R10, R11, 0)
	HALF5K(R12, R13, 32)
	NEXT256(176)
	JNZ block
	END

// Types of 16 weights to a scale, of two bits and perhaps a third. Where that saves a shift they are multiplied where they lie
// in their bytes, four or 16 times as large, and their scales are as much smaller, which is exact.

// Half H of cell C. A weight is 4 less than its bits say: TURN makes that, times as large as the weights are, of -32 times the
// vector's sum.
#define SUM3K(SUM, TURN, BY, C, H) \
	VPBROADCASTD (block256_bias16+8*C+4*H)(BX), Y9   \
	TURN         $BY, Y9, Y9                         \
	VPADDD       Y9, SUM, SUM                        \
	ADDSUM(SUM, SCALEAT((2*C+H)))

// The masks of two bits of each byte of four cells, of which the fourth's are shifted to those of the second.
#define CRUMBS(M) \
	VPBROADCASTD crumbs<>+(4*(M))(SB), Y14

DATA crumbs<>+0(SB)/8, $0x0c0c0c0c03030303
DATA crumbs<>+8(SB)/8, $0x0c0c0c0c30303030
GLOBL crumbs<>(SB), RODATA|NOPTR, $16

#define CELL3K(LOAD, OFF, SHIFT, BY, FIRST, SECOND, TURN, LESS, P, Q, C) \
	VMOVDQU      (32*C)(SI), Y8                    \
	VPBROADCASTD bits<>+(4*C)(SB), Y13             \
	CRUMBS(C%4)                                    \
	EIGHTHIGHBIT(LOAD, OFF, 0, SHIFT, BY, P, Q)    \
	SUMHALVES(FIRST, SECOND)                       \
	SUM3K(Y1, TURN, LESS, C, 0)                    \
	SUM3K(Y0, TURN, LESS, C, 1)

#define HALF3K(P, Q, OFF) \
	FETCH                                                               \
	ADDQ $128, R15                                                      \
	SCALES3K(P, Q, 1, 2)                                                \
	VXORPS Y12, Y12, Y12                                                \
	CELL3K(LOWFOUR, 32, UP, 2, NARROW, NARROW, VPSRAD, 3, P, Q, 0)      \
	CELL3K(LOWFOUR, 32, UP, 3, NARROW, NARROW, VPSRAD, 1, P, Q, 1)      \
	CELL3K(LOWFOUR, 32, UP, 4, WIDE, WIDE, VPSLLD, 1, P, Q, 2)          \
	CELL3K(HIGHFOUR, 32, UP, 1, NARROW, NARROW, VPSRAD, 1, P, Q, 3)     \
	FETCH                                                               \
	ADDQ $92, R15                                                       \
	CELL3K(LOWFOUR, 64, DOWN, 2, NARROW, NARROW, VPSRAD, 3, P, Q, 4)    \
	CELL3K(LOWFOUR, 64, DOWN, 1, NARROW, NARROW, VPSRAD, 1, P, Q, 5)    \
	CELL3K(LOWFOUR, 64, STAY, 0, WIDE, WIDE, VPSLLD, 1, P, Q, 6)        \
	CELL3K(HIGHFOUR, 64, DOWN, 3, NARROW, NARROW, VPSRAD, 1, P, Q, 7)   \
	FLUSH(OFF)

// func mulQ3KAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ3KAVX2(SB), NOSPLIT, $0-64
	ROWS
	ONES
	VECTORSUM

block:
	HALF3K(R10, R11, 0)
	HALF3K(R12, R13, 32)
	NEXT256(110)
	JNZ block
	END

#define CELL2K(ROW, OFF, FIRST, SECOND, P, Q, C) \
	VMOVDQU (32*C)(SI), Y8                     \
	CRUMBS(C%4)                                \
	EIGHTROWS(ROW, OFF, P, Q)                  \
	SUMHALVES(FIRST, SECOND)                   \
	ADDSUM(Y1, SCALEAT((2*C)))                 \
	ADDLOW(MINAT((2*C)), block256_sum16+8*C)   \
	ADDSUM(Y0, SCALEAT((2*C+1)))               \
	ADDLOW(MINAT((2*C+1)), block256_sum16+8*C+4)

#define HALF2K(P, Q, OFF) \
	FETCH                                          \
	ADDQ $128, R15                                 \
	SCALES2K(P, Q, 1, 2)                           \
	VXORPS Y12, Y12, Y12                           \
	CELL2K(ROWLOW, 16, NARROW, NARROW, P, Q, 0)    \
	CELL2K(ROWLOW, 16, NARROW, NARROW, P, Q, 1)    \
	CELL2K(ROWLOW, 16, NARROW, WIDE, P, Q, 2)      \
	CELL2K(ROWHIGH, 16, NARROW, NARROW, P, Q, 3)   \
	FETCH                                          \
	ADDQ $40, R15                                  \
	CELL2K(ROWLOW, 48, NARROW, NARROW, P, Q, 4)    \
	CELL2K(ROWLOW, 48, NARROW, NARROW, P, Q, 5)    \
	CELL2K(ROWLOW, 48, NARROW, WIDE, P, Q, 6)      \
	CELL2K(ROWHIGH, 48, NARROW, NARROW, P, Q, 7)   \
	FLUSH(OFF)

// func mulQ2KAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ2KAVX2(SB), NOSPLIT, $0-64
	ROWS
	ONES
	VECTORSUM

block:
	HALF2K(R10, R11, 0)
	HALF2K(R12, R13, 32)
	NEXT256(84)
	JNZ block
	END
