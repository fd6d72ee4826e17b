//go:build !purego

#include "textflag.h"
#include "scales_avx2_amd64.h"

// Packing of 16 rows (see packed.go for the layout, rows_amd64.h for the registers) with AVX2, in halves of eight rows: a
// register has four weights of each. DI is the packed cell, of which rows 8 to 15 have the second 32 bytes of each 64. Weights
// are signed.

#define PUT(Y, TO) \
	VMOVDQU Y, (TO)(DI)

#define PUT4(TO) \
	PUT(Y0, TO)          \
	PUT(Y1, TO+64)       \
	PUT(Y2, TO+128)      \
	PUT(Y3, TO+192)

// 16 half floats become float32.
#define WIDEN(TO) \
	VCVTPH2PS (TO)(DI), Y0       \
	VCVTPH2PS (TO+16)(DI), Y1    \
	PUT(Y0, TO)                  \
	PUT(Y1, TO+32)

// The columns of 32 bytes with high bits at OFF wait on the stack.
#define HIGHCOLUMNS(OFF, P, Q) \
	COLUMNS16(OFF, P, Q)       \
	VMOVDQU Y0, 0(SP)          \
	VMOVDQU Y1, 32(SP)         \
	VMOVDQU Y2, 64(SP)         \
	VMOVDQU Y3, 96(SP)         \
	COLUMNS16(OFF+16, P, Q)    \
	VMOVDQU Y0, 128(SP)        \
	VMOVDQU Y1, 160(SP)        \
	VMOVDQU Y2, 192(SP)        \
	VMOVDQU Y3, 224(SP)

#define NEXT(SIZE, CELL) \
	NEXTBLOCK(SIZE)        \
	ADDQ $CELL, DI         \
	ADDQ $(4*SIZE), R15    \
	DECQ DX

#define END \
	VZEROUPPER   \
	RET

// func packQ8AVX2(dst, src *byte, stride, blocks int, ahead int)
TEXT ·packQ8AVX2(SB), NOSPLIT, $0-40
	ROWS
	SCALES(0, 512, 34, 576)

block:
	FETCH
	COLUMNS16(2, R10, R11)
	PUT4(0)
	COLUMNS16(18, R10, R11)
	PUT4(256)
	COLUMNS16(2, R12, R13)
	PUT4(32)
	COLUMNS16(18, R12, R13)
	PUT4(288)
	WIDEN(512)
	NEXT(34, 576)
	JNZ block
	END

// What four bits in each byte of Y say: themselves, less by Y13, or a place in the table of Y13.
#define ASIS(Y)

#define LESS(Y) \
	VPSUBB Y13, Y, Y

#define VALUE(Y) \
	VPSHUFB Y, Y13, Y

// The low halves of bytes to TO, the high halves STEP further on. Y14 is bytes of 0x0f.
#define NIBBLES(C, WHAT, TO, STEP) \
	VPAND  Y14, C, Y8     \
	VPSRLW $4, C, C       \
	VPAND  Y14, C, C      \
	WHAT(Y8)              \
	WHAT(C)               \
	PUT(Y8, TO)           \
	PUT(C, TO+STEP)

#define NIBBLES4(OFF, P, Q, WHAT, TO, STEP) \
	COLUMNS16(OFF, P, Q)                \
	NIBBLES(Y0, WHAT, TO, STEP)         \
	NIBBLES(Y1, WHAT, TO+64, STEP)      \
	NIBBLES(Y2, WHAT, TO+128, STEP)     \
	NIBBLES(Y3, WHAT, TO+192, STEP)

// func packQ4AVX2(dst, src *byte, stride, blocks int, ahead int)
TEXT ·packQ4AVX2(SB), NOSPLIT, $0-40
	ROWS
	SCALES(0, 512, 18, 576)
	BYTES32(0x0f, X14, Y14)
	BYTES32(8, X13, Y13)

block:
	FETCH
	NIBBLES4(2, R10, R11, LESS, 0, 256)
	NIBBLES4(2, R12, R13, LESS, 32, 256)
	WIDEN(512)
	NEXT(18, 576)
	JNZ block
	END

// func packQ4MinAVX2(dst, src *byte, stride, blocks int, ahead int)
TEXT ·packQ4MinAVX2(SB), NOSPLIT, $0-40
	ROWS

scales:
	WORDS(0, DI, 512)
	WORDS(2, DI, 576)
	NEXTBLOCK(20)
	ADDQ $640, DI
	DECQ DX
	JNZ  scales
	ROWS
	BYTES32(0x0f, X14, Y14)

block:
	FETCH
	NIBBLES4(4, R10, R11, ASIS, 0, 256)
	NIBBLES4(4, R12, R13, ASIS, 32, 256)
	WIDEN(512)
	WIDEN(576)
	NEXT(20, 640)
	JNZ block
	END

// func packNLAVX2(dst, src *byte, stride, blocks int, ahead int)
TEXT ·packNLAVX2(SB), NOSPLIT, $0-40
	ROWS
	SCALES(0, 512, 18, 576)
	BYTES32(0x0f, X14, Y14)
	VBROADCASTI128 values<>(SB), Y13

block:
	FETCH
	NIBBLES4(2, R10, R11, VALUE, 0, 256)
	NIBBLES4(2, R12, R13, VALUE, 32, 256)
	WIDEN(512)
	NEXT(18, 576)
	JNZ block
	END

// func packMXAVX2(dst, src *byte, stride, blocks int, ahead int)
TEXT ·packMXAVX2(SB), NOSPLIT, $0-40
	ROWS
	SCALES(0, 512, 17, 576)
	BYTES32(0x0f, X14, Y14)
	VBROADCASTI128 values<>+16(SB), Y13

block:
	FETCH
	NIBBLES4(1, R10, R11, VALUE, 0, 256)
	NIBBLES4(1, R12, R13, VALUE, 32, 256)
	LANESMX
	SCALESMX(512)
	VMOVAPS Y9, Y12
	SCALESMX(528)
	PUT(Y12, 512)
	PUT(Y9, 544)
	NEXT(17, 576)
	JNZ block
	END

// For VPSHUFB: a byte of each lane to all of its bytes.
DATA each<>+0(SB)/8, $0x0404040400000000
DATA each<>+8(SB)/8, $0x0c0c0c0c08080808
DATA each<>+16(SB)/8, $0x0505050501010101
DATA each<>+24(SB)/8, $0x0d0d0d0d09090909
DATA each<>+32(SB)/8, $0x0606060602020202
DATA each<>+40(SB)/8, $0x0e0e0e0e0a0a0a0a
DATA each<>+48(SB)/8, $0x0707070703030303
DATA each<>+56(SB)/8, $0x0f0f0f0f0b0b0b0b
GLOBL each<>(SB), RODATA|NOPTR, $64

// The bits of four weights in a byte, the low ones and the high ones; and what becomes 16 with the sign of such a byte's bits.
DATA fourbits<>+0(SB)/4, $0x08040201
DATA fourbits<>+4(SB)/4, $0x80402010
DATA fourbits<>+8(SB)/4, $0x10101010
DATA fourbits<>+12(SB)/4, $0xf0101010
GLOBL fourbits<>(SB), RODATA|NOPTR, $16

#define FIFTH(H, BITS, SIGN, Y) \
	VPAND   BITS, H, Y10        \
	VPSIGNB Y10, SIGN, Y10      \
	VPOR    Y10, Y, Y

// NIBBLES with fifth bits: of the low halves in Y4, of the high ones in Y5.
#define FIVEBITS(C, BITS, SIGN, WHAT, TO) \
	VPAND  Y14, C, Y8             \
	VPSRLW $4, C, C               \
	VPAND  Y14, C, C              \
	FIFTH(Y4, BITS, SIGN, Y8)     \
	FIFTH(Y5, BITS, SIGN, C)      \
	WHAT(Y8)                      \
	WHAT(C)                       \
	PUT(Y8, TO)                   \
	PUT(C, TO+256)

#define SPREAD(K, TO) \
	VBROADCASTI128 each<>+(16*K)(SB), TO    \
	VPSHUFB        TO, Y9, TO

// The fifth bits of eight rows wait where their first weights will be.
#define FIVEBITS4(OFF, P, Q, WHAT, TO) \
	VMOVDQU      (TO)(DI), Y9                    \
	COLUMNS16(OFF, P, Q)                         \
	VPBROADCASTD fourbits<>+8(SB), Y6            \
	VPBROADCASTD fourbits<>+12(SB), Y7           \
	SPREAD(0, Y4)                                \
	SPREAD(2, Y5)                                \
	FIVEBITS(Y0, Y11, Y6, WHAT, TO)              \
	FIVEBITS(Y1, Y12, Y7, WHAT, TO+64)           \
	SPREAD(1, Y4)                                \
	SPREAD(3, Y5)                                \
	FIVEBITS(Y2, Y11, Y6, WHAT, TO+128)          \
	FIVEBITS(Y3, Y12, Y7, WHAT, TO+192)

// func packQ5AVX2(dst, src *byte, stride, blocks int, ahead int)
TEXT ·packQ5AVX2(SB), NOSPLIT, $0-40
	ROWS

scales:
	DWORDS(2, DI, 0)
	WORDS(0, DI, 512)
	NEXTBLOCK(22)
	ADDQ $576, DI
	DECQ DX
	JNZ  scales
	ROWS
	BYTES32(0x0f, X14, Y14)
	BYTES32(16, X13, Y13)
	VPBROADCASTD fourbits<>(SB), Y11
	VPBROADCASTD fourbits<>+4(SB), Y12

block:
	FETCH
	FIVEBITS4(6, R10, R11, LESS, 0)
	FIVEBITS4(6, R12, R13, LESS, 32)
	WIDEN(512)
	NEXT(22, 576)
	JNZ block
	END

// func packQ5MinAVX2(dst, src *byte, stride, blocks int, ahead int)
TEXT ·packQ5MinAVX2(SB), NOSPLIT, $0-40
	ROWS

scales:
	DWORDS(4, DI, 0)
	WORDS(0, DI, 512)
	WORDS(2, DI, 576)
	NEXTBLOCK(24)
	ADDQ $640, DI
	DECQ DX
	JNZ  scales
	ROWS
	BYTES32(0x0f, X14, Y14)
	VPBROADCASTD fourbits<>(SB), Y11
	VPBROADCASTD fourbits<>+4(SB), Y12

block:
	FETCH
	FIVEBITS4(8, R10, R11, ASIS, 0)
	FIVEBITS4(8, R12, R13, ASIS, 32)
	WIDEN(512)
	WIDEN(576)
	NEXT(24, 640)
	JNZ block
	END

// Super-blocks: half of the rows are packed, and the other half 32 bytes further on.

#define SECONDHALF \
	ADDQ $32, DI

#define NEXTSUPER(SIZE, CELL) \
	NEXTBLOCK(SIZE)           \
	ADDQ $(8*CELL-32), DI     \
	DECQ DX

#define SCALEAT(I) (512+576*(I))

#define CELLXS(C, P, Q) \
	NIBBLES4((8+16*C), P, Q, VALUE, 576*C, 256)

#define HALFXS(P, Q) \
	FETCH              \
	ADDQ $128, R15     \
	SCALESXS(P, Q)     \
	CELLXS(0, P, Q)    \
	CELLXS(1, P, Q)    \
	CELLXS(2, P, Q)    \
	CELLXS(3, P, Q)    \
	FETCH              \
	ADDQ $144, R15     \
	CELLXS(4, P, Q)    \
	CELLXS(5, P, Q)    \
	CELLXS(6, P, Q)    \
	CELLXS(7, P, Q)

// func packXSAVX2(dst, src *byte, stride, blocks int, ahead int)
TEXT ·packXSAVX2(SB), NOSPLIT, $0-40
	ROWS
	BYTES32(0x0f, X14, Y14)
	VBROADCASTI128 values<>(SB), Y13

block:
	HALFXS(R10, R11)
	SECONDHALF
	HALFXS(R12, R13)
	NEXTSUPER(136, 576)
	JNZ block
	END

#undef SCALEAT
#define SCALEAT(I) (512+640*(I))
#define MINAT(I) (576+640*(I))

#define TWOCELLS(G, P, Q) \
	NIBBLES4((16+32*G), P, Q, ASIS, 1280*G, 640)        \
	NIBBLES4((32+32*G), P, Q, ASIS, 1280*G+256, 640)

#define HALF4K(P, Q) \
	FETCH              \
	ADDQ $128, R15     \
	SCALES4K(P, Q)     \
	TWOCELLS(0, P, Q)  \
	TWOCELLS(1, P, Q)  \
	FETCH              \
	ADDQ $160, R15     \
	TWOCELLS(2, P, Q)  \
	TWOCELLS(3, P, Q)

// func packQ4KAVX2(dst, src *byte, stride, blocks int, ahead int)
TEXT ·packQ4KAVX2(SB), NOSPLIT, $0-40
	ROWS
	BYTES32(0x0f, X14, Y14)

block:
	HALF4K(R10, R11)
	SECONDHALF
	HALF4K(R12, R13)
	NEXTSUPER(144, 640)
	JNZ block
	END

// Column J of two cells: fifth bits are those of Y11 for the low halves, of Y12 for the high ones.
#define FIVE(C, J, SHIFTA, A, SHIFTB, B, TO) \
	VPAND  Y14, C, Y8               \
	VPAND  (32*J)(SP), Y11, Y10     \
	SHIFTA(A)                       \
	VPOR   Y10, Y8, Y8              \
	PUT(Y8, TO+64*J)                \
	VPSRLW $4, C, C                 \
	VPAND  Y14, C, C                \
	VPAND  (32*J)(SP), Y12, Y10     \
	SHIFTB(B)                       \
	VPOR   Y10, C, C                \
	PUT(C, TO+64*J+640)

#define FIVES(G, SHIFTA, A, SHIFTB, B, P, Q) \
	VPBROADCASTD bits<>+(8*G)(SB), Y11                 \
	VPBROADCASTD bits<>+(8*G+4)(SB), Y12               \
	COLUMNS16((48+32*G), P, Q)                         \
	FIVE(Y0, 0, SHIFTA, A, SHIFTB, B, 1280*G)          \
	FIVE(Y1, 1, SHIFTA, A, SHIFTB, B, 1280*G)          \
	FIVE(Y2, 2, SHIFTA, A, SHIFTB, B, 1280*G)          \
	FIVE(Y3, 3, SHIFTA, A, SHIFTB, B, 1280*G)          \
	COLUMNS16((64+32*G), P, Q)                         \
	FIVE(Y0, 4, SHIFTA, A, SHIFTB, B, 1280*G)          \
	FIVE(Y1, 5, SHIFTA, A, SHIFTB, B, 1280*G)          \
	FIVE(Y2, 6, SHIFTA, A, SHIFTB, B, 1280*G)          \
	FIVE(Y3, 7, SHIFTA, A, SHIFTB, B, 1280*G)

#define HALF5K(P, Q) \
	FETCH                              \
	ADDQ $128, R15                     \
	SCALES4K(P, Q)                     \
	HIGHCOLUMNS(16, P, Q)              \
	FIVES(0, UP, 4, UP, 3, P, Q)       \
	FETCH                              \
	ADDQ $128, R15                     \
	FIVES(1, UP, 2, UP, 1, P, Q)       \
	FETCH                              \
	ADDQ $96, R15                      \
	FIVES(2, STAY, 0, DOWN, 1, P, Q)   \
	FIVES(3, DOWN, 2, DOWN, 3, P, Q)

// func packQ5KAVX2(dst, src *byte, stride, blocks int, ahead int)
TEXT ·packQ5KAVX2(SB), NOSPLIT, $256-40
	ROWS
	BYTES32(0x0f, X14, Y14)

block:
	HALF5K(R10, R11)
	SECONDHALF
	HALF5K(R12, R13)
	NEXTSUPER(176, 640)
	JNZ block
	END

#undef SCALEAT
#undef MINAT
#define SCALEAT(I) (512+640*((I)/2)+64*((I)%2))

// Column J of two cells, which are two from each other: the high two bits are in Y12 after a shift.
#define SIX(C, J, SHIFTA, A, SHIFTB, B, TO) \
	VPAND   Y14, C, Y8              \
	VMOVDQU (32*J)(SP), Y10         \
	SHIFTA(A)                       \
	VPAND   Y12, Y10, Y10           \
	VPOR    Y10, Y8, Y8             \
	LESS(Y8)                        \
	PUT(Y8, TO+64*J)                \
	VPSRLW  $4, C, C                \
	VPAND   Y14, C, C               \
	VMOVDQU (32*J)(SP), Y10         \
	SHIFTB(B)                       \
	VPAND   Y12, Y10, Y10           \
	VPOR    Y10, C, C               \
	LESS(C)                         \
	PUT(C, TO+64*J+1280)

#define SIXES(OFF, C, SHIFTA, A, SHIFTB, B, P, Q) \
	COLUMNS16(OFF, P, Q)                      \
	SIX(Y0, 0, SHIFTA, A, SHIFTB, B, 640*C)   \
	SIX(Y1, 1, SHIFTA, A, SHIFTB, B, 640*C)   \
	SIX(Y2, 2, SHIFTA, A, SHIFTB, B, 640*C)   \
	SIX(Y3, 3, SHIFTA, A, SHIFTB, B, 640*C)   \
	COLUMNS16((OFF+16), P, Q)                 \
	SIX(Y0, 4, SHIFTA, A, SHIFTB, B, 640*C)   \
	SIX(Y1, 5, SHIFTA, A, SHIFTB, B, 640*C)   \
	SIX(Y2, 6, SHIFTA, A, SHIFTB, B, 640*C)   \
	SIX(Y3, 7, SHIFTA, A, SHIFTB, B, 640*C)

// The half float is read with the 14 bytes before it.
#define HALF6K(P, Q) \
	FETCH                                      \
	ADDQ $128, R15                             \
	COLUMNS16(194, P, Q)                       \
	VPSRLD $16, Y3, Y3                         \
	HALFS(Y3, X3, Y11)                         \
	COLUMNS16(192, P, Q)                       \
	VMOVAPS Y11, Y4                            \
	SCALES6K                                   \
	HIGHCOLUMNS(128, P, Q)                     \
	SIXES(0, 0, UP, 4, STAY, 0, P, Q)          \
	FETCH                                      \
	ADDQ $128, R15                             \
	SIXES(32, 1, UP, 2, DOWN, 2, P, Q)         \
	FETCH                                      \
	ADDQ $128, R15                             \
	HIGHCOLUMNS(160, P, Q)                     \
	SIXES(64, 4, UP, 4, STAY, 0, P, Q)         \
	FETCH                                      \
	ADDQ $36, R15                              \
	SIXES(96, 5, UP, 2, DOWN, 2, P, Q)

// func packQ6KAVX2(dst, src *byte, stride, blocks int, ahead int)
TEXT ·packQ6KAVX2(SB), NOSPLIT, $256-40
	ROWS
	BYTES32(0x0f, X14, Y14)
	BYTES32(32, X13, Y13)
	BYTES32(0x30, X12, Y12)

block:
	HALF6K(R10, R11)
	SECONDHALF
	HALF6K(R12, R13)
	NEXTSUPER(210, 640)
	JNZ block
	END

// Two bits of C, those of cell K of four, to Y8. Y14 is bytes of 3.
#define CRUMB(C, K) \
	VPSRLW $(2*K), C, Y8     \
	VPAND  Y14, Y8, Y8

// Column J of cell K of four from TO on, with third bits by their place in bits<>.
#define THREE(C, J, K, BIT, SHIFT, BY, TO) \
	CRUMB(C, K)                             \
	VPBROADCASTD bits<>+(4*BIT)(SB), Y10    \
	VPAND        (32*J)(SP), Y10, Y10       \
	SHIFT(BY)                               \
	VPOR         Y10, Y8, Y8                \
	LESS(Y8)                                \
	PUT(Y8, TO+64*J+640*K)

#define LOWTHREES(C, J) \
	THREE(C, J, 0, 0, UP, 2, 0)      \
	THREE(C, J, 1, 1, UP, 1, 0)      \
	THREE(C, J, 2, 2, STAY, 0, 0)    \
	THREE(C, J, 3, 3, DOWN, 1, 0)

#define HIGHTHREES(C, J) \
	THREE(C, J, 0, 4, DOWN, 2, 2560)   \
	THREE(C, J, 1, 5, DOWN, 3, 2560)   \
	THREE(C, J, 2, 6, DOWN, 4, 2560)   \
	THREE(C, J, 3, 7, DOWN, 5, 2560)

// What is in 32 bytes.
#define EIGHTCOLUMNS(WHAT, OFF, P, Q) \
	COLUMNS16(OFF, P, Q)        \
	WHAT(Y0, 0)                 \
	WHAT(Y1, 1)                 \
	WHAT(Y2, 2)                 \
	WHAT(Y3, 3)                 \
	COLUMNS16((OFF+16), P, Q)   \
	WHAT(Y0, 4)                 \
	WHAT(Y1, 5)                 \
	WHAT(Y2, 6)                 \
	WHAT(Y3, 7)

#define HALF3K(P, Q) \
	FETCH                                  \
	ADDQ $128, R15                         \
	SCALES3K(P, Q, 0, 0)                   \
	BYTES32(3, X14, Y14)                   \
	BYTES32(4, X13, Y13)                   \
	HIGHCOLUMNS(0, P, Q)                   \
	EIGHTCOLUMNS(LOWTHREES, 32, P, Q)      \
	FETCH                                  \
	ADDQ $92, R15                          \
	EIGHTCOLUMNS(HIGHTHREES, 64, P, Q)

// func packQ3KAVX2(dst, src *byte, stride, blocks int, ahead int)
TEXT ·packQ3KAVX2(SB), NOSPLIT, $256-40
	ROWS

block:
	HALF3K(R10, R11)
	SECONDHALF
	HALF3K(R12, R13)
	NEXTSUPER(110, 640)
	JNZ block
	END

#undef SCALEAT
#define SCALEAT(I) (512+768*((I)/2)+64*((I)%2))
#define MINAT(I) (640+768*((I)/2)+64*((I)%2))

#define TWO(C, J, K, TO) \
	CRUMB(C, K)                \
	PUT(Y8, TO+64*J+768*K)

#define LOWTWOS(C, J) \
	TWO(C, J, 0, 0)   \
	TWO(C, J, 1, 0)   \
	TWO(C, J, 2, 0)   \
	TWO(C, J, 3, 0)

#define HIGHTWOS(C, J) \
	TWO(C, J, 0, 3072)   \
	TWO(C, J, 1, 3072)   \
	TWO(C, J, 2, 3072)   \
	TWO(C, J, 3, 3072)

#define HALF2K(P, Q) \
	FETCH                              \
	ADDQ $128, R15                     \
	SCALES2K(P, Q, 0, 0)               \
	BYTES32(3, X14, Y14)               \
	EIGHTCOLUMNS(LOWTWOS, 16, P, Q)    \
	FETCH                              \
	ADDQ $40, R15                      \
	EIGHTCOLUMNS(HIGHTWOS, 48, P, Q)

// func packQ2KAVX2(dst, src *byte, stride, blocks int, ahead int)
TEXT ·packQ2KAVX2(SB), NOSPLIT, $0-40
	ROWS

block:
	HALF2K(R10, R11)
	SECONDHALF
	HALF2K(R12, R13)
	NEXTSUPER(84, 768)
	JNZ block
	END
