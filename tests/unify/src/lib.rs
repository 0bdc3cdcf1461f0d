//! Feature unification: the union of the features that any test needs of a dependency. With it the simulation
//! shares the dependencies that the tests are built with. The released program is never built with it.
