package main

// How often the second loop of main runs: a test that needs it to go on writes a larger number into a copy.
var rounds = 5
