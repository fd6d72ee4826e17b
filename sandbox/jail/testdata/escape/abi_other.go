//go:build !amd64

package main

func abiAttempts() []attemptCase { return nil }
