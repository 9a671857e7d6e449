// EXPECT: verdict=stall cause=unknown certainty=suspected kind=futex
// NEEDS: go
// MODES: launched
// STALL: 3
// OBJECT: the Go scheduler to wake this thread
// A copy of a Go program, made by C: a goroutine that is bound to a thread that stayed behind is asked for an answer.  Go handles
// every signal, SIGURG and SIGIO too, so nothing of it can be proven.
package main

/*
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
static void begin(void) { prctl(PR_SET_PDEATHSIG, 9); }
static int copy(void) { int pid = fork(); if (pid == 0) prctl(PR_SET_PDEATHSIG, 9); return pid; }
static void collect(int pid) { int status; waitpid(pid, &status, 0); }
*/
import "C"

import (
	"os"
	"runtime"
)

func main() {
	C.begin()
	ask, answer := make(chan int), make(chan int)
	go func() {
		runtime.LockOSThread()
		for n := range ask {
			answer <- n + 1
		}
	}()
	ask <- 1
	<-answer
	pid := C.copy()
	if pid == 0 {
		ask <- 1
		<-answer
		os.Exit(0)
	}
	C.collect(pid)
}
