// Command etcd is etcd's own server, built from its module; its repository publishes no main package one could pin.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
