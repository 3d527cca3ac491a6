"""Keys and signatures over JSON: JWK, JWS, the algorithms of RFC 7518 and RFC 8037. See bkagent/README.md."""
