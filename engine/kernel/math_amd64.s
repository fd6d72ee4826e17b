//go:build !purego

#include "textflag.h"

// The constants of exp, in its order: log2e, roundMagic, ln2Hi, ln2Lo, and 1/n! from n = 0 on; 1/1! is left out.
DATA exps<>+0(SB)/8, $0x3ff71547652b82fe
DATA exps<>+8(SB)/8, $0x4338000000000000
DATA exps<>+16(SB)/8, $0x3fe62e42fefa0000
DATA exps<>+24(SB)/8, $0x3d7cf79abc9e3b39
DATA exps<>+32(SB)/8, $0x3ff0000000000000
DATA exps<>+40(SB)/8, $0x3fe0000000000000
DATA exps<>+48(SB)/8, $0x3fc5555555555555
DATA exps<>+56(SB)/8, $0x3fa5555555555555
DATA exps<>+64(SB)/8, $0x3f81111111111111
DATA exps<>+72(SB)/8, $0x3f56c16c16c16c17
DATA exps<>+80(SB)/8, $0x3f2a01a01a01a01a
DATA exps<>+88(SB)/8, $0x3efa01a01a01a01a
DATA exps<>+96(SB)/8, $0x3ec71de3a556c734
DATA exps<>+104(SB)/4, $89.0
DATA exps<>+108(SB)/4, $-104.0
DATA exps<>+112(SB)/4, $0x7f800000
GLOBL exps<>(SB), RODATA|NOPTR, $116

// P = C0 + Y0*C1
#define PAIR(C0, C1, P) \
	VBROADCASTSD exps<>+C1(SB), P   \
	VBROADCASTSD exps<>+C0(SB), Y9  \
	VMULPD       Y0, P, P           \
	VADDPD       Y9, P, P

// func expAVX2(x *float32, n int)
// Four at a time by the steps of exp: x is Y0, then r; r2 is Y1, r4 Y3. The arguments themselves stay in X10, and replace
// or clear at the end what is outside the range of exp.
TEXT ·expAVX2(SB), NOSPLIT, $0-16
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSD exps<>+8(SB), Y14
	VBROADCASTSS exps<>+104(SB), X11
	VBROADCASTSS exps<>+108(SB), X12
	VBROADCASTSS exps<>+112(SB), X13
	MOVQ         $1023, AX
	VMOVQ        AX, X15
	VPBROADCASTQ X15, Y15

loop:
	VMOVUPS      (SI), X10
	VCVTPS2PD    X10, Y0
	VBROADCASTSD exps<>+0(SB), Y1
	VMULPD       Y0, Y1, Y1
	VADDPD       Y14, Y1, Y2 // the low bits are k
	VSUBPD       Y14, Y2, Y1
	VBROADCASTSD exps<>+16(SB), Y3
	VBROADCASTSD exps<>+24(SB), Y4
	VMULPD       Y1, Y3, Y3
	VMULPD       Y1, Y4, Y4
	VSUBPD       Y3, Y0, Y0
	VSUBPD       Y4, Y0, Y0
	VMULPD       Y0, Y0, Y1
	VMULPD       Y1, Y1, Y3

	VBROADCASTSD exps<>+32(SB), Y4
	VADDPD       Y0, Y4, Y4
	PAIR(40, 48, Y5)
	PAIR(56, 64, Y6)
	PAIR(72, 80, Y7)
	PAIR(88, 96, Y8)
	VMULPD Y1, Y5, Y5
	VADDPD Y5, Y4, Y4
	VMULPD Y1, Y7, Y7
	VADDPD Y7, Y6, Y6
	VMULPD Y3, Y8, Y8
	VADDPD Y8, Y6, Y6
	VMULPD Y3, Y6, Y6
	VADDPD Y6, Y4, Y4

	VPADDQ     Y15, Y2, Y2
	VPSLLQ     $52, Y2, Y2
	VMULPD     Y2, Y4, Y4
	VCVTPD2PSY Y4, X4

	VCMPPS    $0x1e, X11, X10, X5 // greater
	VBLENDVPS X5, X13, X4, X4
	VCMPPS    $0x11, X12, X10, X5 // less
	VANDNPS   X4, X5, X4
	VCMPPS    $0x03, X10, X10, X5 // not a number
	VBLENDVPS X5, X10, X4, X4
	VMOVUPS   X4, (SI)
	ADDQ      $16, SI
	SUBQ      $4, CX
	JGT       loop
	VZEROUPPER
	RET
