//go:build !purego

#include "textflag.h"

// SIXTEEN has in reg a bit for each of the 16 bytes at off(SI) that is a quotation mark (X8), a backslash (X9), or not above 0x1f (X10), and gathers all bits in X11.
#define SIXTEEN(off, reg) \
	MOVOU off(SI), X0 \
	POR X0, X11 \
	MOVO X0, X1 \
	MOVO X0, X2 \
	PMINUB X10, X2 \
	PCMPEQB X0, X2 \
	PCMPEQB X8, X0 \
	PCMPEQB X9, X1 \
	POR X1, X0 \
	POR X2, X0 \
	PMOVMSKB X0, reg

// func mark(marks *uint64, text *byte, words int) (high int)
TEXT ·mark(SB), NOSPLIT, $0-32
	MOVQ marks+0(FP), DI
	MOVQ text+8(FP), SI
	MOVQ words+16(FP), CX
	MOVQ $0x2222222222222222, AX
	MOVQ AX, X8
	PUNPCKLQDQ X8, X8
	MOVQ $0x5c5c5c5c5c5c5c5c, AX
	MOVQ AX, X9
	PUNPCKLQDQ X9, X9
	MOVQ $0x1f1f1f1f1f1f1f1f, AX
	MOVQ AX, X10
	PUNPCKLQDQ X10, X10
	PXOR X11, X11

word:
	SIXTEEN(0, AX)
	SIXTEEN(16, BX)
	SIXTEEN(32, R8)
	SIXTEEN(48, R9)
	SHLQ $16, BX
	SHLQ $32, R8
	SHLQ $48, R9
	ORQ BX, AX
	ORQ R9, R8
	ORQ R8, AX
	MOVQ AX, (DI)
	ADDQ $64, SI
	ADDQ $8, DI
	DECQ CX
	JNZ word
	PMOVMSKB X11, AX
	MOVQ AX, high+24(FP)
	RET

// THIRTYTWO is SIXTEEN for twice as many bytes.
#define THIRTYTWO(off, reg) \
	VMOVDQU off(SI), Y0 \
	VPOR Y0, Y11, Y11 \
	VPMINUB Y10, Y0, Y2 \
	VPCMPEQB Y0, Y2, Y2 \
	VPCMPEQB Y8, Y0, Y1 \
	VPCMPEQB Y9, Y0, Y3 \
	VPOR Y1, Y2, Y2 \
	VPOR Y3, Y2, Y2 \
	VPMOVMSKB Y2, reg

// func markWide(marks *uint64, text *byte, words int) (high int)
TEXT ·markWide(SB), NOSPLIT, $0-32
	MOVQ marks+0(FP), DI
	MOVQ text+8(FP), SI
	MOVQ words+16(FP), CX
	MOVQ $0x2222222222222222, AX
	MOVQ AX, X8
	VPBROADCASTQ X8, Y8
	MOVQ $0x5c5c5c5c5c5c5c5c, AX
	MOVQ AX, X9
	VPBROADCASTQ X9, Y9
	MOVQ $0x1f1f1f1f1f1f1f1f, AX
	MOVQ AX, X10
	VPBROADCASTQ X10, Y10
	VPXOR Y11, Y11, Y11

word:
	THIRTYTWO(0, AX)
	THIRTYTWO(32, BX)
	SHLQ $32, BX
	ORQ BX, AX
	MOVQ AX, (DI)
	ADDQ $64, SI
	ADDQ $8, DI
	DECQ CX
	JNZ word
	VPMOVMSKB Y11, AX
	MOVQ AX, high+24(FP)
	VZEROUPPER
	RET
