// Package oracle tells the truth slowly: computations so plain that they can be read and believed, against which tests hold the fast ones.
package oracle
