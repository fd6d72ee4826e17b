package main

func int80(nr uintptr) uintptr

// wrongArchitecture asks for the process id through the call gate of another architecture.
func wrongArchitecture() { int80(20) }
