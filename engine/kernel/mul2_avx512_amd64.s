//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "pack_avx512_amd64.h"
#include "pack2_avx512_amd64.h"

// Products of 16 rows and one vector without packing, as in mul_avx512_amd64.s, of the types of pack2_avx512_amd64.s. Integer
// sums are in Z4 and Z5. What scales and minima blocks of 32 have waits at (DI).

#define ELEMENTS(TO) ((TO)/CELL*32+(TO)%CELL/64*4)(SI)

#define LOWTO(Z, TO) \
	VPDPBUSD.BCST ELEMENTS(TO), Z, Z4

#define HIGHTO(Z, TO) \
	VPDPBUSD.BCST ELEMENTS(TO), Z, Z5

#define VECTOR \
	MOVQ q+48(FP), SI      \
	MOVQ block+56(FP), BX

#define ZERO \
	VPXORD Z4, Z4, Z4   \
	VPXORD Z5, Z5, Z5

#define CELL 576

// The sum of a block of 32, with scales in Z6, is added to Z24.
#define FINISH(SIZE, WAITING) \
	VPADDD      Z5, Z4, Z4               \
	VCVTDQ2PS   Z4, Z4                   \
	VMULPS.BCST block32_d(BX), Z6, Z6    \
	VFMADD231PS Z4, Z6, Z24              \
	NEXTBLOCK(SIZE)                      \
	ADDQ        $WAITING, DI             \
	ADDQ        $(4*SIZE), R15

#define NEXTVECTOR \
	ADDQ $32, SI                \
	ADDQ $block32__size, BX

// Minima at LOW, after FINISH.
#define MINIMA(LOW) \
	VCVTPH2PS        LOW(DI), Z6                \
	VMULPS.BCST      block32_d(BX), Z6, Z6      \
	VFMADD231PS.BCST block32_sum(BX), Z6, Z24

#define TAKE \
	MOVQ    out+40(FP), AX   \
	VMOVUPS (AX), Z24

#define GIVE \
	MOVQ    out+40(FP), AX   \
	VMOVUPS Z24, (AX)        \
	VZEROUPPER               \
	RET

#define NIBBLES4 \
	NIBBLES(Z0, 0, 256)      \
	NIBBLES(Z1, 64, 320)     \
	NIBBLES(Z2, 128, 384)    \
	NIBBLES(Z3, 192, 448)

#define FIFTHS \
	FIFTH(Z0, 0, 0)          \
	FIFTH(Z1, 1, 64)         \
	FIFTH(Z2, 2, 128)        \
	FIFTH(Z3, 3, 192)

// func mulQ4MinAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ4MinAVX512(SB), NOSPLIT, $0-64
	ROWS

scales:
	WORDS(0, DI, 0)
	WORDS(2, DI, 32)
	NEXTBLOCK(20)
	ADDQ $64, DI
	DECQ DX
	JNZ  scales
	ROWS
	BYTES(0x0f, Z31)
	VECTOR
	TAKE

block:
	FETCH
	COLUMNS16(4)
	ZERO
	NIBBLES4
	VCVTPH2PS (DI), Z6
	FINISH(20, 64)
	MINIMA(-32)
	NEXTVECTOR
	DECQ DX
	JNZ  block
	GIVE

// func mulNLAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulNLAVX512(SB), NOSPLIT, $0-64
	ROWS
	SCALES(0, 0, 18, 32)
	BYTES(0x0f, Z31)
	VBROADCASTI32X4 values<>+0(SB), Z30
	VECTOR
	TAKE

block:
	FETCH
	COLUMNS16(2)
	VPBROADCASTD block32_bias(BX), Z4
	VPXORD       Z5, Z5, Z5
	LOOKUPCELL(0)
	VCVTPH2PS (DI), Z6
	FINISH(18, 32)
	NEXTVECTOR
	DECQ DX
	JNZ  block
	GIVE

// func mulMXAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulMXAVX512(SB), NOSPLIT, $0-64
	ROWS
	SCALES(0, 0, 17, 32)
	BYTES(0x0f, Z31)
	VBROADCASTI32X4 values<>+16(SB), Z30
	MOVL $255, AX
	VPBROADCASTD AX, Z29
	MOVL $1, AX
	VPBROADCASTD AX, Z28
	MOVL $0x200000, AX
	VPBROADCASTD AX, Z27
	VECTOR
	TAKE

block:
	FETCH
	SCALESMX(0)
	VMOVAPS Z5, Z6
	COLUMNS16(1)
	VPBROADCASTD block32_bias(BX), Z4
	VPXORD       Z5, Z5, Z5
	LOOKUPCELL(0)
	FINISH(17, 32)
	NEXTVECTOR
	DECQ DX
	JNZ  block
	GIVE

// func mulQ5AVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ5AVX512(SB), NOSPLIT, $0-64
	ROWS

scales:
	DWORDS(2, DI, 0)
	WORDS(0, DI, 64)
	NEXTBLOCK(22)
	ADDQ $128, DI
	DECQ DX
	JNZ  scales
	ROWS
	BYTES(0x0f, Z31)
	BYTES(0x10, Z30)
	VECTOR
	TAKE

block:
	FETCH
	VMOVDQU32 (DI), Z20
	COLUMNS16(6)
	VPBROADCASTD (block32_bias+4)(BX), Z4
	VPXORD       Z5, Z5, Z5
	FIFTHS
	VCVTPH2PS 64(DI), Z6
	FINISH(22, 128)
	NEXTVECTOR
	DECQ DX
	JNZ  block
	GIVE

// func mulQ5MinAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ5MinAVX512(SB), NOSPLIT, $0-64
	ROWS

scales:
	DWORDS(4, DI, 0)
	WORDS(0, DI, 64)
	WORDS(2, DI, 96)
	NEXTBLOCK(24)
	ADDQ $128, DI
	DECQ DX
	JNZ  scales
	ROWS
	BYTES(0x0f, Z31)
	BYTES(0x10, Z30)
	VECTOR
	TAKE

block:
	FETCH
	VMOVDQU32 (DI), Z20
	COLUMNS16(8)
	ZERO
	FIFTHS
	VCVTPH2PS 64(DI), Z6
	FINISH(24, 128)
	MINIMA(-32)
	NEXTVECTOR
	DECQ DX
	JNZ  block
	GIVE

// Eight blocks of type Q5_1 are 48 columns of four bytes, six a block, of which the first is scales and minima and the second
// fifth bits. Integer sums are in Z14 and Z15.
#define BEGIN51(C) \
	VPMOVDW   C, Y25         \
	VCVTPH2PS Y25, Z25       \
	VPSRLD    $16, C, C      \
	VPMOVDW   C, Y26         \
	VCVTPH2PS Y26, Z26       \
	VPXORD    Z14, Z14, Z14  \
	VPXORD    Z15, Z15, Z15

#define FIVE(C, J, X) \
	VPBROADCASTQ   spread<>+(8*J)(SB), Z8      \
	VPBROADCASTQ   spread<>+(8*J+32)(SB), Z9   \
	VPMULTISHIFTQB Z27, Z8, Z8                 \
	VPMULTISHIFTQB Z27, Z9, Z9                 \
	VPANDD         Z31, C, Z12                 \
	VPSRLD         $4, C, Z13                  \
	VPANDD         Z31, Z13, Z13               \
	VPTERNLOGD     $0xf8, Z30, Z8, Z12         \
	VPTERNLOGD     $0xf8, Z30, Z9, Z13         \
	VPDPBUSD.BCST  (X)(SI), Z12, Z14           \
	VPDPBUSD.BCST  (X+16)(SI), Z13, Z15

#define FINISH51(BLOCK) \
	VPADDD           Z15, Z14, Z14                                     \
	VCVTDQ2PS        Z14, Z14                                          \
	VMULPS.BCST      (block32_d+BLOCK*block32__size)(BX), Z25, Z25     \
	VMULPS.BCST      (block32_d+BLOCK*block32__size)(BX), Z26, Z26     \
	VFMADD231PS      Z14, Z25, Z24                                     \
	VFMADD231PS.BCST (block32_sum+BLOCK*block32__size)(BX), Z26, Z24

// func mulQ5MinEightAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ5MinEightAVX512(SB), NOSPLIT, $0-64
	ROWS
	BYTES(0x0f, Z31)
	BYTES(0x10, Z30)
	VECTOR
	TAKE

blocks:
	FETCH
	COLUMNS32(0, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	ADDQ $128, R15
	BEGIN51(Z16)
	VMOVDQA64 Z17, Z27
	FIVE(Z18, 0, 0)
	FIVE(Z19, 1, 4)
	FIVE(Z20, 2, 8)
	FIVE(Z21, 3, 12)
	FINISH51(0)
	BEGIN51(Z22)
	VMOVDQA64 Z23, Z27
	FETCH
	COLUMNS32(32, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	ADDQ $128, R15
	FIVE(Z16, 0, 32)
	FIVE(Z17, 1, 36)
	FIVE(Z18, 2, 40)
	FIVE(Z19, 3, 44)
	FINISH51(1)
	BEGIN51(Z20)
	VMOVDQA64 Z21, Z27
	FIVE(Z22, 0, 64)
	FIVE(Z23, 1, 68)
	FETCH
	COLUMNS32(64, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	ADDQ $128, R15
	FIVE(Z16, 2, 72)
	FIVE(Z17, 3, 76)
	FINISH51(2)
	BEGIN51(Z18)
	VMOVDQA64 Z19, Z27
	FIVE(Z20, 0, 96)
	FIVE(Z21, 1, 100)
	FIVE(Z22, 2, 104)
	FIVE(Z23, 3, 108)
	FINISH51(3)
	FETCH
	COLUMNS32(96, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	ADDQ $128, R15
	BEGIN51(Z16)
	VMOVDQA64 Z17, Z27
	FIVE(Z18, 0, 128)
	FIVE(Z19, 1, 132)
	FIVE(Z20, 2, 136)
	FIVE(Z21, 3, 140)
	FINISH51(4)
	BEGIN51(Z22)
	VMOVDQA64 Z23, Z27
	FETCH
	COLUMNS32(128, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	ADDQ $128, R15
	FIVE(Z16, 0, 160)
	FIVE(Z17, 1, 164)
	FIVE(Z18, 2, 168)
	FIVE(Z19, 3, 172)
	FINISH51(5)
	BEGIN51(Z20)
	VMOVDQA64 Z21, Z27
	FIVE(Z22, 0, 192)
	FIVE(Z23, 1, 196)
	FETCH
	COLUMNS32(160, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	ADDQ $128, R15
	FIVE(Z16, 2, 200)
	FIVE(Z17, 3, 204)
	FINISH51(6)
	BEGIN51(Z18)
	VMOVDQA64 Z19, Z27
	FIVE(Z20, 0, 224)
	FIVE(Z21, 1, 228)
	FIVE(Z22, 2, 232)
	FIVE(Z23, 3, 236)
	FINISH51(7)
	NEXTBLOCK(192)
	ADDQ $256, SI
	ADDQ $(8*block32__size), BX
	SUBQ $8, DX
	JNZ  blocks
	GIVE

// Super-blocks: T takes SUM of scale SCALE, and then minimum MIN of the vector's sum XSUM. T is added to what is at out.
#define ADDSUM(SUM, SCALE, T) \
	VCVTDQ2PS   SUM, SUM              \
	VFMADD231PS (SCALE)(DI), SUM, T

#define ADDLOW(MIN, XSUM, T) \
	VMOVUPS           (MIN)(DI), Z6           \
	VFNMADD231PS.BCST (XSUM)(BX), Z6, T

#define FLUSH(SIZE, T) \
	MOVQ             out+40(FP), AX             \
	VMOVUPS          (AX), Z6                   \
	VFMADD231PS.BCST block256_d(BX), T, Z6      \
	VMOVUPS          Z6, (AX)                   \
	NEXTBLOCK(SIZE)                             \
	ADDQ             $256, SI                   \
	ADDQ             $block256__size, BX

// Cell C has its bias, its weights and its scale.
#define MULXS(OFF, C) \
	COLUMNS16(OFF)                                        \
	VPBROADCASTD (block256_bias32+4*C)(BX), Z4            \
	VPXORD       Z5, Z5, Z5                               \
	LOOKUPCELL(576*C)                                     \
	VPADDD       Z5, Z4, Z4                               \
	ADDSUM(Z4, 512+576*C, Z25)

// func mulXSAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulXSAVX512(SB), NOSPLIT, $0-64
	ROWS
	BYTES(0x0f, Z31)
	VBROADCASTI32X4 values<>+0(SB), Z30
	MOVL $15, AX
	VPBROADCASTD AX, Z28
	MOVL $0x30, AX
	VPBROADCASTD AX, Z27
	MOVL $32, AX
	VPBROADCASTD AX, Z26
	VECTOR

block:
	FETCH
	COLUMNS16(0)
	SCALESXS
	VXORPS Z25, Z25, Z25
	MULXS(8, 0)
	MULXS(24, 1)
	ADDQ $128, R15
	FETCH
	MULXS(40, 2)
	MULXS(56, 3)
	ADDQ $128, R15
	FETCH
	MULXS(72, 4)
	MULXS(88, 5)
	ADDQ $128, R15
	FETCH
	MULXS(104, 6)
	MULXS(120, 7)
	ADDQ $160, R15
	FLUSH(136, Z25)
	DECQ DX
	JNZ  block
	VZEROUPPER
	RET

#undef CELL
#define CELL 640

#define MULQ5K(OFF, SHIFTA, A, SHIFTB, B, C) \
	COLUMNS32(OFF, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19)    \
	ZERO                                                      \
	CELLS5(SHIFTA, A, SHIFTB, B, 640*C)                       \
	ADDSUM(Z4, 512+640*C, Z28)                                \
	ADDLOW(576+640*C, block256_sum32+4*C, Z28)                \
	ADDSUM(Z5, 1152+640*C, Z28)                               \
	ADDLOW(1216+640*C, block256_sum32+4*C+4, Z28)

// func mulQ5KAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ5KAVX512(SB), NOSPLIT, $0-64
	ROWS
	BYTES(0x0f, Z31)
	MOVL $255, AX
	VPBROADCASTD AX, Z30
	VECTOR

block:
	BYTES(0x30, Z28)
	BYTES(0x3f, Z29)
	SCALES6
	BYTES(0x10, Z29)
	VXORPS Z28, Z28, Z28
	FETCH
	ADDQ $128, R15
	COLUMNS32(16, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27)
	MULQ5K(48, VPSLLD, 4, VPSLLD, 3, 0)
	FETCH
	ADDQ $128, R15
	FETCH
	ADDQ $128, R15
	MULQ5K(80, VPSLLD, 2, VPSLLD, 1, 2)
	FETCH
	ADDQ $128, R15
	MULQ5K(112, VPSRLD, 0, VPSRLD, 1, 4)
	FETCH
	ADDQ $128, R15
	MULQ5K(144, VPSRLD, 2, VPSRLD, 3, 6)
	FETCH
	ADDQ $64, R15
	FLUSH(176, Z28)
	DECQ DX
	JNZ  block
	VZEROUPPER
	RET

#define MULQ3K(C, SHIFT, TURN, BY) \
	VPBROADCASTD (block256_bias16+8*C)(BX), Z4      \
	VPBROADCASTD (block256_bias16+8*C+4)(BX), Z5    \
	CELL3BITS(SHIFT, TURN, BY, 640*C)               \
	ADDSUM(Z4, 512+640*C, Z28)                      \
	ADDSUM(Z5, 576+640*C, Z28)

// func mulQ3KAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ3KAVX512(SB), NOSPLIT, $0-64
	ROWS
	BYTES(0x03, Z31)
	BYTES(0x04, Z30)
	BYTES(28, Z29)
	VECTOR

block:
	BYTES(0x20, Z28)
	SCALES3K
	VXORPS Z28, Z28, Z28
	FETCH
	ADDQ $128, R15
	COLUMNS32(0, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27)
	COLUMNS32(32, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19)
	MULQ3K(0, 0, VPSLLD, 2)
	MULQ3K(1, 2, VPSLLD, 1)
	FETCH
	ADDQ $128, R15
	MULQ3K(2, 4, VPSRLD, 0)
	MULQ3K(3, 6, VPSRLD, 1)
	COLUMNS32(64, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19)
	FETCH
	ADDQ $128, R15
	MULQ3K(4, 0, VPSRLD, 2)
	MULQ3K(5, 2, VPSRLD, 3)
	MULQ3K(6, 4, VPSRLD, 4)
	MULQ3K(7, 6, VPSRLD, 5)
	FETCH
	ADDQ $56, R15
	FLUSH(110, Z28)
	DECQ DX
	JNZ  block
	VZEROUPPER
	RET

#undef CELL
#define CELL 768

#define MULQ2K(C, SHIFT) \
	ZERO                                                \
	CRUMBS(SHIFT, 768*C)                                \
	ADDSUM(Z4, 512+768*C, Z30)                          \
	ADDLOW(640+768*C, block256_sum16+8*C, Z30)          \
	ADDSUM(Z5, 576+768*C, Z30)                          \
	ADDLOW(704+768*C, block256_sum16+8*C+4, Z30)

// func mulQ2KAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ2KAVX512(SB), NOSPLIT, $0-64
	ROWS
	BYTES(0x03, Z31)
	MOVL $15, AX
	VPBROADCASTD AX, Z26
	VECTOR

block:
	FETCH
	ADDQ $128, R15
	COLUMNS16(68)
	VPMOVDW   Z3, Y5
	VCVTPH2PS Y5, Z24
	VPSRLD    $16, Z3, Z4
	VPMOVDW   Z4, Y5
	VCVTPH2PS Y5, Z25
	COLUMNS16(0)
	SCALEMINS(Z0, 512)
	SCALEMINS(Z1, 2048)
	SCALEMINS(Z2, 3584)
	SCALEMINS(Z3, 5120)
	VXORPS Z30, Z30, Z30
	COLUMNS32(16, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	MULQ2K(0, 0)
	MULQ2K(1, 2)
	FETCH
	ADDQ $128, R15
	MULQ2K(2, 4)
	MULQ2K(3, 6)
	COLUMNS32(48, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	MULQ2K(4, 0)
	MULQ2K(5, 2)
	FETCH
	ADDQ $80, R15
	MULQ2K(6, 4)
	MULQ2K(7, 6)
	FLUSH(84, Z30)
	DECQ DX
	JNZ  block
	VZEROUPPER
	RET
