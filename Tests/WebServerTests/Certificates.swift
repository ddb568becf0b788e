/// Certificates made for these tests alone, in PEM; the names in them belong to nobody.
enum Certificates {
    static let first = (
        certificate: """
        -----BEGIN CERTIFICATE-----
        MIIBizCCATGgAwIBAgIUFD0pICfqEl7qLOdYLRfvy1SGS/YwCgYIKoZIzj0EAwIw
        GjEYMBYGA1UEAwwPc2VydmVyMS5leGFtcGxlMCAXDTI2MTEyMTA1NTgyMloYDzIx
        MjYxMDI4MDU1ODIyWjAaMRgwFgYDVQQDDA9zZXJ2ZXIxLmV4YW1wbGUwWTATBgcq
        hkjOPQIBBggqhkjOPQMBBwNCAAR9QHtBCDxwOTT3gTpHKE4nHyJ5pEOOqkbG8n9u
        HrlIR+Tjg/J+I0wfKKQr5iMNu3n48BRBZJoOx+ArHfluIIxyo1MwUTAdBgNVHQ4E
        FgQUnDqDJtyCiItjwfbdXUhOcKcyT94wHwYDVR0jBBgwFoAUnDqDJtyCiItjwfbd
        XUhOcKcyT94wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA7zre
        brNydHl67XNS/8wLPCcoZWoCSKz3EhFP3lZluloCIF5CHXJ4XRkAfJtk2Jgd1oEA
        +XtE21JaRmUA9zI2lusA
        -----END CERTIFICATE-----

        """,
        key: """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnzIR0STjfesFcPNG
        52pXN0aEvqxgVwQa0NecRfMi6EehRANCAAR9QHtBCDxwOTT3gTpHKE4nHyJ5pEOO
        qkbG8n9uHrlIR+Tjg/J+I0wfKKQr5iMNu3n48BRBZJoOx+ArHfluIIxy
        -----END PRIVATE KEY-----

        """
    )
    static let second = (
        certificate: """
        -----BEGIN CERTIFICATE-----
        MIIBizCCATGgAwIBAgIUeY8YNBRannlCC5Y4wc+2ZEDzwgkwCgYIKoZIzj0EAwIw
        GjEYMBYGA1UEAwwPc2VydmVyMi5leGFtcGxlMCAXDTI2MTEyMTA1NTgyMloYDzIx
        MjYxMDI4MDU1ODIyWjAaMRgwFgYDVQQDDA9zZXJ2ZXIyLmV4YW1wbGUwWTATBgcq
        hkjOPQIBBggqhkjOPQMBBwNCAAQWW1zGnws63/oTkb/GZXJ9DHX1/46RImlNwThc
        kGI9sHCWrdsIke8z6EcMTTbaXKBGIKxScqH77XDb+IwLwFmlo1MwUTAdBgNVHQ4E
        FgQUG5hzFvxP99WGCmC+pdycTjQgv4gwHwYDVR0jBBgwFoAUG5hzFvxP99WGCmC+
        pdycTjQgv4gwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiB61PkI
        k4zz28f/zjGOX5Pg3UixtJ0CTZSF/0Q44nS7RwIhANpUyZl691+pDiEaY4H8J4V0
        cdiwiqW9INx9I3tn14Td
        -----END CERTIFICATE-----

        """,
        key: """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBQIJnzdnB2yDvqIG
        BiLNZy5pXWh1vyIF0aL27pWrmoKhRANCAAQWW1zGnws63/oTkb/GZXJ9DHX1/46R
        ImlNwThckGI9sHCWrdsIke8z6EcMTTbaXKBGIKxScqH77XDb+IwLwFml
        -----END PRIVATE KEY-----

        """
    )
}
