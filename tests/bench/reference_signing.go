// What signing and verifying a step costs the reference: reads a JWKS of private keys from standard input, and prints
// for each key its algorithm and the median milliseconds of both over STEPS steps.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"github.com/buildkite/go-pipeline"
	"github.com/buildkite/go-pipeline/signature"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

func median(times []float64) float64 {
	sort.Float64s(times)
	return times[len(times)/2]
}

// cpuMilliseconds returns the processor's time of this process, which other programs do not lengthen.
func cpuMilliseconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}

func measure(act func() error) float64 {
	began := cpuMilliseconds()
	if err := act(); err != nil {
		panic(err)
	}
	return cpuMilliseconds() - began
}

func main() {
	count, _ := strconv.Atoi(os.Args[1])
	body, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	keys, err := jwk.Parse(body)
	if err != nil {
		panic(err)
	}
	results := map[string][]float64{}
	for at := 0; at < keys.Len(); at++ {
		key, _ := keys.Key(at)
		algorithm, _ := key.Algorithm()
		public, err := jwk.PublicSetOf(keys)
		if err != nil {
			panic(err)
		}
		signing, verifying := []float64{}, []float64{}
		for number := 0; number < count; number++ {
			text := strings.ReplaceAll(os.Args[2], "%d", strconv.Itoa(number))
			parsed, err := pipeline.Parse(strings.NewReader(text))
			if err != nil {
				panic(err)
			}
			signing = append(signing, measure(func() error {
				return signature.SignSteps(context.Background(), parsed.Steps, key, "r")
			}))
			wire, err := json.Marshal(parsed.Steps[0])
			if err != nil {
				panic(err)
			}
			verifying = append(verifying, measure(func() error {
				step := new(pipeline.CommandStep)
				if err := json.Unmarshal(wire, step); err != nil {
					return err
				}
				return signature.VerifyStep(context.Background(), step, public, "r")
			}))
		}
		results[algorithm.String()] = []float64{median(signing), median(verifying)}
	}
	written, _ := json.Marshal(results)
	fmt.Println(string(written))
}
