//go:build !purego

#include "textflag.h"

#define FOUR(A, B, C, D) \
	VPDPBUSD Z30, Z31, A \
	VPDPBUSD Z30, Z31, B \
	VPDPBUSD Z30, Z31, C \
	VPDPBUSD Z30, Z31, D

// func peakAVX512(rounds int)
TEXT ·peakAVX512(SB), NOSPLIT, $0-8
	MOVQ rounds+0(FP), CX

loop:
	FOUR(Z0, Z1, Z2, Z3)
	FOUR(Z4, Z5, Z6, Z7)
	FOUR(Z8, Z9, Z10, Z11)
	FOUR(Z12, Z13, Z14, Z15)
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func readAVX512(p *uint64, n int)
TEXT ·readAVX512(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX

loop:
	PREFETCHT0 2048(SI)
	PREFETCHT0 2112(SI)
	PREFETCHT0 2176(SI)
	PREFETCHT0 2240(SI)
	VPORQ      (SI), Z0, Z0
	VPORQ      64(SI), Z1, Z1
	VPORQ      128(SI), Z2, Z2
	VPORQ      192(SI), Z3, Z3
	ADDQ       $256, SI
	SUBQ       $256, CX
	JGT        loop
	VZEROUPPER
	RET
