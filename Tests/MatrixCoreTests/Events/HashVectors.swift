import MatrixCore

/// Content and reference hashes of one event of each type that redaction treats in its own way. They were worked out with
/// the specification's Python code and its lists of kept keys, not with this project.
enum HashVectors {
    struct Vector: Sendable {
        let type: String
        let content: String
        /// In unpadded base64.
        let contentHash: String
        /// In unpadded base64, for each room version from which on it holds.
        let referenceHashes: [(since: Int, hash: String)]

        /// The event in JSON; it has every member that some version's redaction keeps, and some that none does.
        var event: String {
            #"{"auth_events":["$a","$b"],"content":\#(content),"depth":7,"hashes":{"sha256":"#
                + #""thishashcoversallfieldsincasethisisredacted"},"membership":"join","origin":"domain","#
                + #""origin_server_ts":1404838188000,"prev_events":["$c"],"prev_state":[],"redacts":"$y","#
                + #""room_id":"!r:domain","sender":"@a:domain","signatures":{"domain":{"ed25519:1":"x"}},"#
                + #""state_key":"","type":"\#(type)","unsigned":{"age":4612},"zzz":{"nested":[true,false,null,-1]}}"#
        }

        func referenceHash(in version: RoomVersion) -> String? {
            guard let number = Int(version.id) else { return nil }
            return referenceHashes.last { $0.since <= number }?.hash
        }
    }

    static let all = [
        Vector(
            type: "m.room.member",
            content: """
                {"displayname":"Älice 日本\\n","join_authorised_via_users_server":"@b:domain","membership":"join","thi\
                rd_party_invite":{"display_name":"x","signed":{"token":"t"}}}
                """,
            contentHash: "zIYIItCThQf1X3HbXLBmIALJUKcnSTEc/74ZIvz5tzE",
            referenceHashes: [
                (1, "RCzZ/icYBeIwzN/5pL/E/DM9oimaaEjyzCziGrC1wuM"),
                (9, "O41x3Lf8mGc9qSexy3yXmKjC/kSGRlfExwEezgS8P7Y"),
                (11, "Xc1Ih6MBAF3moEo49GzjnuNTW7JkwC21ThVmAZR6q9A"),
            ]),
        Vector(
            type: "m.room.create",
            content: """
                {"creator":"@a:domain","m.federate":true,"room_version":"11"}
                """,
            contentHash: "XYY8vmHPsQluIXSk8AAh43x2kCCeO7IO+BmKmmGShTQ",
            referenceHashes: [
                (1, "HYZCScGvtRD6POzVbHnOYXMtQd/YT9MKPfOXoEQgc9A"),
                (11, "g4WgBj7QOrwF7QQlloOiVEAKZM61wuV+zmMdAxL6vVs"),
            ]),
        Vector(
            type: "m.room.join_rules",
            content: """
                {"allow":[{"room_id":"!o:domain","type":"m.room_membership"}],"join_rule":"restricted","x":1}
                """,
            contentHash: "bqR7vtEhACI0O1vrCJpGVWeR9jLLP3UGfTUdl/I7UuE",
            referenceHashes: [
                (1, "IM/KHMVPvq2VrM0IlANy3+aZ3VOsQWroAJXM6f/k+2E"),
                (8, "eY+rIpL2k8nL3bG+mA74n7gWa2XrXUp7K+T1+/JLMyM"),
                (11, "CA+Ij00Y4HpP8kr0J0CS16Ntzl6UQ4BpwXY5jKYNulU"),
            ]),
        Vector(
            type: "m.room.power_levels",
            content: """
                {"ban":50,"events":{"m.room.name":50},"events_default":0,"invite":10,"kick":50,"notifications":{"roo\
                m":50},"redact":50,"state_default":50,"users":{"@a:domain":100},"users_default":0}
                """,
            contentHash: "/2YyeTIxuknCHx8ruKHcECw5itb8hb5CWYGykv90onA",
            referenceHashes: [
                (1, "YxdAXkrnL9PZe6SdMr3NvsXlyiQlCz4Op719lj67ZjU"),
                (11, "R2ChSpcOlS68dZaTrm6jlALsZHFulK+td0ArUC2cDPQ"),
            ]),
        Vector(
            type: "m.room.aliases",
            content: """
                {"aliases":["#a:domain"],"x":1}
                """,
            contentHash: "O0o/zaP4IqFkLADsEgoRfh1PNgacDrICsi2wYIISmsY",
            referenceHashes: [
                (1, "BnyYeSz8ucK3vgOOO22v2DBuLkNvdJdv5oceyop32X8"),
                (6, "WveQ43y8u0y3ZCJz/7teamNSfPcZtJckKi/Ay+S5Zf4"),
                (11, "H5O2cHNgJFavE5aBHDRsk3AbqIT9QwGkDilDYutiMo8"),
            ]),
        Vector(
            type: "m.room.history_visibility",
            content: """
                {"history_visibility":"shared","x":1}
                """,
            contentHash: "fyqUa29BJKSHv5QL91Qga5ZhZIlVFX70nhKdqX1TvLg",
            referenceHashes: [
                (1, "1YScQhIzJ7p0EWDg2ynQMm6AJF/im8dODFXvM5SrkJE"),
                (11, "zX2kxz0+9oKstquR8drAEhlOGJdEF9gv+u5KfEoyV1A"),
            ]),
        Vector(
            type: "m.room.redaction",
            content: """
                {"reason":"because","redacts":"$x"}
                """,
            contentHash: "kbK1NX3LFWnVbR+fagRolKOyQssCFIjVI4QoEJ2w0eg",
            referenceHashes: [
                (1, "Di+XXx5NXvmEi2g17ooWYP4XDFiVrpoFHA/8Q5zfEmU"),
                (11, "4xKkmKK//G1pQTvLMkggLv9qSJPxQwHQbGXxoDzO0SQ"),
            ]),
        Vector(
            type: "m.room.message",
            content: """
                {"body":"b","msgtype":"m.text"}
                """,
            contentHash: "obR3RGr5bnz5dJu+7Ys3H+c5zwz82+VwxvAw174JY9Q",
            referenceHashes: [
                (1, "FlfM/87wOv1ZF95vUKPAHnQVjgkmfTPMPLEv5Gak2q8"),
                (11, "C5NUyXX8OF+h2bg4V44nYbY+HK3SrQTXdaBurIkfKuU"),
            ]),
    ]
}
