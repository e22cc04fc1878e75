# The service of the Cap'n Proto programs.
@0xe3a1c5d2b4f60718;

interface Echo {
  say @0 (body :Data) -> (body :Data);
}
