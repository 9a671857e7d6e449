// EXPECT: verdict=none
// NEEDS: go
// Goroutines that wait for channels, timers, a child and a connection.
package main

import (
	"net"
	"os/exec"
	"sync"
	"time"
)

func main() {
	var mutex sync.Mutex
	line := make(chan int)
	mutex.Lock()
	go func() { mutex.Lock(); line <- 1 }()
	time.AfterFunc(400*time.Millisecond, mutex.Unlock)
	<-line
	if exec.Command("sleep", "0.4").Run() != nil {
		panic("no sleep")
	}
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		time.Sleep(400 * time.Millisecond)
		c, _ := net.Dial("tcp", door.Addr().String())
		time.Sleep(400 * time.Millisecond)
		c.Write([]byte("x"))
		c.Close()
	}()
	c, _ := door.Accept()
	c.Read(make([]byte, 1))
}
