//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "pack_avx512_amd64.h"

// Products of 16 rows and one vector without packing: the same steps as in packing, but what would be stored is multiplied.
// SI is the vector's elements and BX its blocks. Z14 and Z15 are integer sums.

// The place of the elements for what would be stored at TO, in cells of SIZE bytes.
#define ELEMENTS(TO, SIZE) ((TO)/SIZE*32+(TO)%SIZE/64*4)(SI)

#define LOWTO(Z, TO) \
	VPDPBUSD.BCST ELEMENTS(TO, CELL), Z, Z14

#define HIGHTO(Z, TO) \
	VPDPBUSD.BCST ELEMENTS(TO, CELL), Z, Z15

#define VECTOR \
	MOVQ q+48(FP), SI      \
	MOVQ block+56(FP), BX

// The sum at dst, to be carried on.
#define TAKE(ACC) \
	MOVQ    out+40(FP), AX   \
	VMOVUPS (AX), ACC

#define GIVE(ACC) \
	MOVQ    out+40(FP), AX   \
	VMOVUPS ACC, (AX)        \
	VZEROUPPER               \
	RET

// The block's scales are half floats at (DI).
#define FINISH32 \
	VPADDD      Z15, Z14, Z14            \
	VCVTDQ2PS   Z14, Z14                 \
	VCVTPH2PS   (DI), Z0                 \
	VMULPS.BCST block32_d(BX), Z0, Z0    \
	VFMADD231PS Z14, Z0, Z24             \
	ADDQ        $32, DI                  \
	ADDQ        $32, SI                  \
	ADDQ        $block32__size, BX

#define CELL 576

// func mulQ4AVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ4AVX512(SB), NOSPLIT, $0-64
	ROWS
	SCALES(0, 0, 18, 32)
	BYTES(0x0f, Z31)
	VECTOR
	TAKE(Z24)

block:
	FETCH
	VPBROADCASTD (block32_bias+8)(BX), Z14
	VPXORD       Z15, Z15, Z15
	COLUMNS16(2)
	NIBBLES(Z0, 0, 256)
	NIBBLES(Z1, 64, 320)
	NIBBLES(Z2, 128, 384)
	NIBBLES(Z3, 192, 448)
	FINISH32
	NEXTBLOCK(18)
	ADDQ $72, R15
	DECQ DX
	JNZ  block
	GIVE(Z24)

// Eight blocks of type Q4_0 are 36 columns of four bytes, some of them across borders: each pair of blocks is nine, of which
// the first begins and the fifth ends with a block's half float. Z31 is bytes of 0x0f, K1 the odd words, Z30 sorts words.

// For VPERMB: the even and then the odd words.
DATA evenodd<>+0(SB)/8, $0x0d0c090805040100
DATA evenodd<>+8(SB)/8, $0x1d1c191815141110
DATA evenodd<>+16(SB)/8, $0x2d2c292825242120
DATA evenodd<>+24(SB)/8, $0x3d3c393835343130
DATA evenodd<>+32(SB)/8, $0x0f0e0b0a07060302
DATA evenodd<>+40(SB)/8, $0x1f1e1b1a17161312
DATA evenodd<>+48(SB)/8, $0x2f2e2b2a27262322
DATA evenodd<>+56(SB)/8, $0x3f3e3b3a37363332
GLOBL evenodd<>(SB), RODATA|NOPTR, $64

#define BEGIN4(BLOCK) \
	VPBROADCASTD (block32_bias+8+BLOCK*block32__size)(BX), Z14   \
	VPXORD       Z15, Z15, Z15

// The low halves of four bytes times the elements at X, and 16 times the high halves times those at X+16.
#define FOUR(C, X) \
	VPANDD        Z31, C, Z12             \
	VPANDND       C, Z31, Z13             \
	VPDPBUSD.BCST (X)(SI), Z12, Z14       \
	VPDPBUSD.BCST (X+16)(SI), Z13, Z15

#define FINISH4(BLOCK, SCALE) \
	VPSRAD      $4, Z15, Z15                                         \
	VPADDD      Z15, Z14, Z14                                        \
	VCVTDQ2PS   Z14, Z14                                             \
	VCVTPH2PS   SCALE(DI), Z12                                       \
	VMULPS.BCST (block32_d+BLOCK*block32__size)(BX), Z12, Z12        \
	VFMADD231PS Z14, Z12, Z24

// The first block of a pair, whose half float is followed by two bytes, and whose last two are followed by the next one's.
#define FIRST4(BLOCK, C0, C1, C2, C3, C4) \
	BEGIN4(BLOCK)                   \
	VPBLENDMW C4, C0, K1, Z25       \
	VPERMB    Z25, Z30, Z25         \
	VMOVDQU32 Z25, (DI)             \
	VPSRLD    $16, C0, C0           \
	FOUR(C0, 32*BLOCK)              \
	FOUR(C1, 32*BLOCK+2)            \
	FOUR(C2, 32*BLOCK+6)            \
	FOUR(C3, 32*BLOCK+10)           \
	VPSLLD    $16, C4, C4           \
	FOUR(C4, 32*BLOCK+12)           \
	FINISH4(BLOCK, 0)

// func mulQ4EightAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ4EightAVX512(SB), NOSPLIT, $0-64
	ROWS
	BYTES(0x0f, Z31)
	VMOVDQU32 evenodd<>(SB), Z30
	MOVL      $0xaaaaaaaa, AX
	KMOVD     AX, K1
	VECTOR
	TAKE(Z24)

blocks:
	FETCH
	COLUMNS32(0, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	FIRST4(0, Z16, Z17, Z18, Z19, Z20)
	BEGIN4(1)
	FOUR(Z21, 32)
	FOUR(Z22, 36)
	FOUR(Z23, 40)
	ADDQ $128, R15
	FETCH
	COLUMNS32(32, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	FOUR(Z16, 44)
	FINISH4(1, 32)
	FIRST4(2, Z17, Z18, Z19, Z20, Z21)
	BEGIN4(3)
	FOUR(Z22, 96)
	FOUR(Z23, 100)
	ADDQ $128, R15
	FETCH
	COLUMNS32(64, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	FOUR(Z16, 104)
	FOUR(Z17, 108)
	FINISH4(3, 32)
	FIRST4(4, Z18, Z19, Z20, Z21, Z22)
	BEGIN4(5)
	FOUR(Z23, 160)
	ADDQ $128, R15
	FETCH
	COLUMNS32(96, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	FOUR(Z16, 164)
	FOUR(Z17, 168)
	FOUR(Z18, 172)
	FINISH4(5, 32)
	FIRST4(6, Z19, Z20, Z21, Z22, Z23)
	ADDQ $128, R15
	FETCH
	COLUMNS16(128)
	BEGIN4(7)
	FOUR(Z0, 224)
	FOUR(Z1, 228)
	FOUR(Z2, 232)
	FOUR(Z3, 236)
	FINISH4(7, 32)
	NEXTBLOCK(144)
	ADDQ $64, R15
	ADDQ $256, SI
	ADDQ $(8*block32__size), BX
	SUBQ $8, DX
	JNZ  blocks
	GIVE(Z24)

// Eight blocks of type Q4_1 are 40 columns of four bytes, five a block, of which the first is scales and minima.
#define BEGIN41(C) \
	VPMOVDW   C, Y25         \
	VCVTPH2PS Y25, Z25       \
	VPSRLD    $16, C, C      \
	VPMOVDW   C, Y26         \
	VCVTPH2PS Y26, Z26       \
	VPXORD    Z14, Z14, Z14  \
	VPXORD    Z15, Z15, Z15

#define FINISH41(BLOCK) \
	VPSRAD           $4, Z15, Z15                                      \
	VPADDD           Z15, Z14, Z14                                     \
	VCVTDQ2PS        Z14, Z14                                          \
	VMULPS.BCST      (block32_d+BLOCK*block32__size)(BX), Z25, Z25     \
	VMULPS.BCST      (block32_d+BLOCK*block32__size)(BX), Z26, Z26     \
	VFMADD231PS      Z14, Z25, Z24                                     \
	VFMADD231PS.BCST (block32_sum+BLOCK*block32__size)(BX), Z26, Z24

// func mulQ4MinEightAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ4MinEightAVX512(SB), NOSPLIT, $0-64
	ROWS
	BYTES(0x0f, Z31)
	VECTOR
	TAKE(Z24)

blocks:
	FETCH
	COLUMNS32(0, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	ADDQ $128, R15
	BEGIN41(Z16)
	FOUR(Z17, 0)
	FOUR(Z18, 4)
	FOUR(Z19, 8)
	FOUR(Z20, 12)
	FINISH41(0)
	BEGIN41(Z21)
	FOUR(Z22, 32)
	FOUR(Z23, 36)
	FETCH
	COLUMNS32(32, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	ADDQ $128, R15
	FOUR(Z16, 40)
	FOUR(Z17, 44)
	FINISH41(1)
	BEGIN41(Z18)
	FOUR(Z19, 64)
	FOUR(Z20, 68)
	FOUR(Z21, 72)
	FOUR(Z22, 76)
	FINISH41(2)
	BEGIN41(Z23)
	FETCH
	COLUMNS32(64, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	ADDQ $128, R15
	FOUR(Z16, 96)
	FOUR(Z17, 100)
	FOUR(Z18, 104)
	FOUR(Z19, 108)
	FINISH41(3)
	BEGIN41(Z20)
	FOUR(Z21, 128)
	FOUR(Z22, 132)
	FOUR(Z23, 136)
	FETCH
	COLUMNS32(96, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	ADDQ $128, R15
	FOUR(Z16, 140)
	FINISH41(4)
	BEGIN41(Z17)
	FOUR(Z18, 160)
	FOUR(Z19, 164)
	FOUR(Z20, 168)
	FOUR(Z21, 172)
	FINISH41(5)
	BEGIN41(Z22)
	FOUR(Z23, 192)
	FETCH
	COLUMNS32(128, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	ADDQ $128, R15
	FOUR(Z16, 196)
	FOUR(Z17, 200)
	FOUR(Z18, 204)
	FINISH41(6)
	BEGIN41(Z19)
	FOUR(Z20, 224)
	FOUR(Z21, 228)
	FOUR(Z22, 232)
	FOUR(Z23, 236)
	FINISH41(7)
	NEXTBLOCK(160)
	ADDQ $256, SI
	ADDQ $(8*block32__size), BX
	SUBQ $8, DX
	JNZ  blocks
	GIVE(Z24)

#define FLIPPED(C, TO, PUT) \
	VPXORD Z31, C, C \
	PUT(C, TO)

// Eight blocks of type Q8_0 are 68 columns of four bytes: each pair of blocks is 17, of which the first begins with the half
// float of one block and the ninth ends with that of the other. Z25 keeps the first, Z31 is bytes of 0x80, and Z30 and K1 are
// as for Q4_0.

#define BEGIN8(BLOCK) \
	VPBROADCASTD (block32_bias+BLOCK*block32__size)(BX), Z14   \
	VPXORD       Z15, Z15, Z15

#define EIGHT(C, X, SUM) \
	VPXORD        Z31, C, C          \
	VPDPBUSD.BCST (X)(SI), C, SUM

// The columns 4j+2 to 4j+5 of a pair's first block.
#define FIRST8(BLOCK, C, J, SUM) \
	EIGHT(C, 32*BLOCK+4*J+2, SUM)

#define HEAD8(BLOCK, C) \
	BEGIN8(BLOCK)                             \
	VMOVDQA64     C, Z25                      \
	VPXORD        Z31, C, C                   \
	VPSRLD        $16, C, C                   \
	VPDPBUSD.BCST (32*BLOCK)(SI), C, Z14

#define MIDDLE8(BLOCK, C) \
	VPBLENDMW     C, Z25, K1, Z25                \
	VPERMB        Z25, Z30, Z25                  \
	VMOVDQU32     Z25, (DI)                      \
	VPXORD        Z31, C, C                      \
	VPSLLD        $16, C, C                      \
	VPDPBUSD.BCST (32*BLOCK+28)(SI), C, Z15      \
	FINISH8(BLOCK, 0)                            \
	BEGIN8((BLOCK+1))

#define FINISH8(BLOCK, SCALE) \
	VPADDD      Z15, Z14, Z14                                        \
	VCVTDQ2PS   Z14, Z14                                             \
	VCVTPH2PS   SCALE(DI), Z12                                       \
	VMULPS.BCST (block32_d+BLOCK*block32__size)(BX), Z12, Z12        \
	VFMADD231PS Z14, Z12, Z24

#define NEXT32(OFF) \
	FETCH                                                        \
	ADDQ $128, R15                                               \
	COLUMNS32(OFF, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)

// func mulQ8EightAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ8EightAVX512(SB), NOSPLIT, $0-64
	ROWS
	BYTES(0x80, Z31)
	VMOVDQU32 evenodd<>(SB), Z30
	MOVL      $0xaaaaaaaa, AX
	KMOVD     AX, K1
	VECTOR
	TAKE(Z24)

blocks:
	NEXT32(0)
	HEAD8(0, Z16)
	FIRST8(0, Z17, 0, Z15)
	FIRST8(0, Z18, 1, Z14)
	FIRST8(0, Z19, 2, Z15)
	FIRST8(0, Z20, 3, Z14)
	FIRST8(0, Z21, 4, Z15)
	FIRST8(0, Z22, 5, Z14)
	FIRST8(0, Z23, 6, Z15)
	NEXT32(32)
	MIDDLE8(0, Z16)
	EIGHT(Z17, 32, Z14)
	EIGHT(Z18, 36, Z15)
	EIGHT(Z19, 40, Z14)
	EIGHT(Z20, 44, Z15)
	EIGHT(Z21, 48, Z14)
	EIGHT(Z22, 52, Z15)
	EIGHT(Z23, 56, Z14)
	NEXT32(64)
	EIGHT(Z16, 60, Z15)
	FINISH8(1, 32)
	HEAD8(2, Z17)
	FIRST8(2, Z18, 0, Z15)
	FIRST8(2, Z19, 1, Z14)
	FIRST8(2, Z20, 2, Z15)
	FIRST8(2, Z21, 3, Z14)
	FIRST8(2, Z22, 4, Z15)
	FIRST8(2, Z23, 5, Z14)
	NEXT32(96)
	FIRST8(2, Z16, 6, Z15)
	MIDDLE8(2, Z17)
	EIGHT(Z18, 96, Z14)
	EIGHT(Z19, 100, Z15)
	EIGHT(Z20, 104, Z14)
	EIGHT(Z21, 108, Z15)
	EIGHT(Z22, 112, Z14)
	EIGHT(Z23, 116, Z15)
	NEXT32(128)
	EIGHT(Z16, 120, Z14)
	EIGHT(Z17, 124, Z15)
	FINISH8(3, 32)
	HEAD8(4, Z18)
	FIRST8(4, Z19, 0, Z15)
	FIRST8(4, Z20, 1, Z14)
	FIRST8(4, Z21, 2, Z15)
	FIRST8(4, Z22, 3, Z14)
	FIRST8(4, Z23, 4, Z15)
	NEXT32(160)
	FIRST8(4, Z16, 5, Z14)
	FIRST8(4, Z17, 6, Z15)
	MIDDLE8(4, Z18)
	EIGHT(Z19, 160, Z14)
	EIGHT(Z20, 164, Z15)
	EIGHT(Z21, 168, Z14)
	EIGHT(Z22, 172, Z15)
	EIGHT(Z23, 176, Z14)
	NEXT32(192)
	EIGHT(Z16, 180, Z15)
	EIGHT(Z17, 184, Z14)
	EIGHT(Z18, 188, Z15)
	FINISH8(5, 32)
	HEAD8(6, Z19)
	FIRST8(6, Z20, 0, Z15)
	FIRST8(6, Z21, 1, Z14)
	FIRST8(6, Z22, 2, Z15)
	FIRST8(6, Z23, 3, Z14)
	NEXT32(224)
	FIRST8(6, Z16, 4, Z15)
	FIRST8(6, Z17, 5, Z14)
	FIRST8(6, Z18, 6, Z15)
	MIDDLE8(6, Z19)
	EIGHT(Z20, 224, Z14)
	EIGHT(Z21, 228, Z15)
	EIGHT(Z22, 232, Z14)
	EIGHT(Z23, 236, Z15)
	FETCH
	ADDQ $64, R15
	COLUMNS16(256)
	EIGHT(Z0, 240, Z14)
	EIGHT(Z1, 244, Z15)
	EIGHT(Z2, 248, Z14)
	EIGHT(Z3, 252, Z15)
	FINISH8(7, 32)
	NEXTBLOCK(272)
	ADDQ $256, SI
	ADDQ $(8*block32__size), BX
	SUBQ $8, DX
	JNZ  blocks
	GIVE(Z24)

// func mulQ8AVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ8AVX512(SB), NOSPLIT, $0-64
	ROWS
	SCALES(0, 0, 34, 32)
	BYTES(0x80, Z31)
	VECTOR
	TAKE(Z24)

block:
	FETCH
	VPBROADCASTD block32_bias(BX), Z14
	VPXORD       Z15, Z15, Z15
	COLUMNS32(2, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	FLIPPED(Z16, 0, LOWTO)
	FLIPPED(Z17, 64, LOWTO)
	FLIPPED(Z18, 128, LOWTO)
	FLIPPED(Z19, 192, LOWTO)
	FLIPPED(Z20, 256, HIGHTO)
	FLIPPED(Z21, 320, HIGHTO)
	FLIPPED(Z22, 384, HIGHTO)
	FLIPPED(Z23, 448, HIGHTO)
	FINISH32
	NEXTBLOCK(34)
	ADDQ $136, R15
	DECQ DX
	JNZ  block
	GIVE(Z24)

#undef CELL
#define CELL 640

// T in Z26 takes the integer sum SUM of cell C, of which the scales are at (DI), and of type Q4_K the minima too.
#define SCALEDSUM(SUM, SCALE) \
	VCVTDQ2PS   SUM, SUM             \
	VFMADD231PS SCALE(DI), SUM, Z26

#define LOWSUM(C) \
	VMOVUPS           (576+640*C)(DI), Z12                    \
	VFNMADD231PS.BCST (block256_sum32+4*C)(BX), Z12, Z26

#define MULTWO(OFF, C) \
	VPXORD Z14, Z14, Z14          \
	VPXORD Z15, Z15, Z15          \
	TWOCELLS(OFF, 640*C)          \
	SCALEDSUM(Z14, 512+640*C)     \
	LOWSUM(C)                     \
	SCALEDSUM(Z15, 1152+640*C)    \
	LOWSUM((C+1))

// func mulQ4KAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ4KAVX512(SB), NOSPLIT, $0-64
	ROWS
	BYTES(0x30, Z28)
	BYTES(0x3f, Z29)
	BYTES(0x0f, Z31)
	MOVL $255, AX
	VPBROADCASTD AX, Z30
	VECTOR
	TAKE(Z27)

block:
	SCALES6
	VXORPS Z26, Z26, Z26
	FETCH
	MULTWO(16, 0)
	ADDQ $144, R15
	FETCH
	MULTWO(48, 2)
	ADDQ $144, R15
	FETCH
	MULTWO(80, 4)
	ADDQ $144, R15
	FETCH
	MULTWO(112, 6)
	ADDQ $144, R15
	VFMADD231PS.BCST block256_d(BX), Z26, Z27
	NEXTBLOCK(144)
	ADDQ $256, SI
	ADDQ $block256__size, BX
	DECQ DX
	JNZ  block
	GIVE(Z27)

// Q6_K has a scale for 16 weights: sums of the halves of two cells are in Z14, Z15, and Z4 and Z5 in a second round.
#undef LOWTO
#undef HIGHTO
#define LOWTO(Z, TO) \
	VPDPBUSD.BCST ELEMENTS(TO, CELL), Z, Z4

#define HIGHTO(Z, TO) \
	VPDPBUSD.BCST ELEMENTS(TO, CELL), Z, Z5

#define BIASED(C, H) \
	VPBROADCASTD (block256_bias16+8*C+4*H)(BX), Z4   \
	VPBROADCASTD (block256_bias16+16+8*C+4*H)(BX), Z5

// Half H of cells C and C+2: of the first the sum goes to T at once, that of the second waits in memory for cell C+1.
#define HALFSIX(C, H, A0, A1, A2, A3, B0, B1, B2, B3, LEFT, RIGHT) \
	BIASED(C, H)                                                          \
	SIXBITS(A0, B0, LEFT, RIGHT, 640*C+256*H, 640*C+256*H+1280)           \
	SIXBITS(A1, B1, LEFT, RIGHT, 640*C+256*H+64, 640*C+256*H+1344)        \
	SIXBITS(A2, B2, LEFT, RIGHT, 640*C+256*H+128, 640*C+256*H+1408)       \
	SIXBITS(A3, B3, LEFT, RIGHT, 640*C+256*H+192, 640*C+256*H+1472)       \
	SCALEDSUMSIX(Z4, 512+640*C+64*H)                                      \
	VCVTDQ2PS Z5, Z5                                                      \
	VMOVUPS   Z5, (640*C+64*H)(DI)

#define SCALEDSUMSIX(SUM, SCALE) \
	VCVTDQ2PS   SUM, SUM             \
	VFMADD231PS (SCALE)(DI), SUM, Z29

#define LATER(C, H) \
	VMOVUPS     (640*C+64*H)(DI), Z4                   \
	VFMADD231PS (512+640*C+1280+64*H)(DI), Z4, Z29

#define MULFOUR(LOW, HIGH, C) \
	COLUMNS32(HIGH, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19)                       \
	COLUMNS32(LOW, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27)                        \
	HALFSIX(C, 0, Z20, Z21, Z22, Z23, Z12, Z13, Z14, Z15, 4, 0)                   \
	HALFSIX(C, 1, Z24, Z25, Z26, Z27, Z16, Z17, Z18, Z19, 4, 0)                   \
	COLUMNS32(LOW+32, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27)                     \
	HALFSIX((C+1), 0, Z20, Z21, Z22, Z23, Z12, Z13, Z14, Z15, 2, 2)               \
	HALFSIX((C+1), 1, Z24, Z25, Z26, Z27, Z16, Z17, Z18, Z19, 2, 2)               \
	LATER(C, 0)                                                                   \
	LATER(C, 1)                                                                   \
	LATER((C+1), 0)                                                               \
	LATER((C+1), 1)

// func mulQ6KAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ6KAVX512(SB), NOSPLIT, $32-64
	ROWS
	BYTES(0x30, Z28)
	BYTES(0x0f, Z31)
	VECTOR
	TAKE(Z30)
	WORDS(208, SP, 0)
	VECTOR

block:
	COLUMNS16(192)
	VCVTPH2PS (SP), Z24
	SIGNEDSCALES(Z0, 512)
	SIGNEDSCALES(Z1, 1792)
	SIGNEDSCALES(Z2, 3072)
	SIGNEDSCALES(Z3, 4352)
	VXORPS Z29, Z29, Z29
	FETCH
	ADDQ $128, R15
	FETCH
	ADDQ $128, R15
	FETCH
	ADDQ $128, R15
	MULFOUR(0, 128, 0)
	FETCH
	ADDQ $128, R15
	FETCH
	ADDQ $128, R15
	FETCH
	ADDQ $128, R15
	MULFOUR(64, 160, 4)
	FETCH
	ADDQ $72, R15
	VFMADD231PS.BCST block256_d(BX), Z29, Z30
	NEXTBLOCK(210)
	ADDQ $256, SI
	ADDQ $block256__size, BX
	DECQ DX
	JZ   end
	MOVQ BX, block+56(FP)
	WORDS(208, SP, 0)
	MOVQ block+56(FP), BX
	JMP  block

end:
	GIVE(Z30)
