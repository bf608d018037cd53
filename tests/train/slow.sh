#!/usr/bin/env bash
# Every example, with its own settings and every choice of its options, reaches the accuracy that its header states.
# Chosen edges beat drawn ones of the same number (fashion_mlp).
set -uo pipefail
. "$(dirname "$0")/reach.sh"

reach xor "" 100
reach spirals "" 100
for wiring in 0 1 2 3 4 5 6; do reach topologies "" 100 -D wiring=$wiring; done
for cell in 0 1 2 3 4; do reach cells "" 100 -D cell=$cell; done

reach spiral_flow "" 100
reach spiral_flow "" 100 -D mode='steps(8)'
expect "the ways of the spirals' points" 0 "at time 1 the net tells 96 of 96 right" python3 "$DNW_SOURCE/bench/trajectory.py" ways.svg
that "they are drawn" test "$(grep -c '<polyline' ways.svg)" = 96
reach reservoir "" 100
reach kuramoto "" 100
reach logic "" 100
fall waves ""
fall waves "" -D norm=true

if "$dnw" check "$examples/fashion.dnw" >/dev/null 2>&1; then
  reach fashion_mlp "" 100
  reach fashion_mlp 86.5 88.0 -D chosen=drawn
  reach fashion_mlp 87.6 100 -D density=1%
  reach fashion_mlp 0 85.7 -D density=1% -D chosen=drawn
  reach fashion "" 100
  reach dnarch "" 100
else
  echo "no data for the Fashion-MNIST examples: they are not trained"
fi

# MNIST names the folder of its four files.
if [ -n "${MNIST:-}" ]; then
  reach agnostic "" 100 --data "$MNIST"
else
  echo "MNIST is not set: agnostic is not trained"
fi

# Hours: CIFAR10 names the folder of CIFAR-10's binary batches when they are wanted.
if [ -n "${CIFAR10:-}" ]; then
  reach tiny_cifar "" 100 --data "$CIFAR10"
  reach tiny_exact 79.5 100 --data "$CIFAR10"
  reach mobilenet "" 100 --data "$CIFAR10"
  reach resnet "" 100 --data "$CIFAR10"
  reach randwire "" 100 --data "$CIFAR10"
else
  echo "CIFAR10 is not set: tiny_cifar, tiny_exact, mobilenet, resnet and randwire are not trained"
fi

# An example that nobody named above is trained as it stands.
for file in "$examples"/*.dnw; do
  name=$(basename "$file" .dnw)
  grep -qE "(reach|fall) $name " "$DNW_SOURCE/tests/train/slow.sh" || reach "$name" "" 100
done

finish
