"""The embedded AWS of `demo` and of the tests: moto's server, taught to refuse what AWS refuses."""
