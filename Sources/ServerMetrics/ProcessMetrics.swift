import Glibc

/// What the operating system says about this process, under the names every Prometheus client uses.
///
/// See [Standard and runtime collectors](https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics).
/// The readings come from `/proc`; on a system without it they are left out.
package enum ProcessMetrics {
    package static func register(in registry: MetricsRegistry) {
        registry.sampledCounter(
            "process_cpu_seconds_total", help: "Total user and system CPU time spent in seconds.", cpuSeconds)
        registry.sampledGauge(
            "process_resident_memory_bytes", help: "Resident memory size in bytes.", residentBytes)
        registry.sampledGauge(
            "process_virtual_memory_bytes", help: "Virtual memory size in bytes.", virtualBytes)
        registry.sampledGauge("process_open_fds", help: "Number of open file descriptors.", openDescriptors)
        registry.sampledGauge("process_max_fds", help: "Maximum number of open file descriptors.", maximumDescriptors)
        registry.sampledGauge(
            "process_start_time_seconds", help: "Start time of the process since unix epoch in seconds.", startTime)
    }

    @Sendable package static func cpuSeconds() -> Double? {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return nil }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    @Sendable package static func residentBytes() -> Double? { pages(field: 1) }

    @Sendable static func virtualBytes() -> Double? { pages(field: 0) }

    @Sendable static func openDescriptors() -> Double? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        return Double(count - 3)  // ".", ".." and the descriptor that reads the directory
    }

    @Sendable static func maximumDescriptors() -> Double? {
        text(of: "/proc/self/limits").flatMap { limits in
            limits.split(separator: "\n").first { $0.hasPrefix("Max open files") }
                .flatMap { line in line.split(separator: " ").compactMap { Double($0) }.first }
        }
    }

    @Sendable static func startTime() -> Double? {
        // The command name, field 2, is in parentheses and may hold anything; the start time is field 22.
        guard let status = text(of: "/proc/self/stat"), let end = status.lastIndex(of: ")"),
            let uptime = text(of: "/proc/stat")?.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let boot = Double(uptime.dropFirst("btime ".count))
        else { return nil }
        let fields = status[status.index(after: end)...].split(separator: " ")
        let perSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
        guard fields.count > 19, let ticks = Double(fields[19]), perSecond > 0 else { return nil }
        return boot + ticks / perSecond
    }

    private static func pages(field: Int) -> Double? {
        guard let fields = text(of: "/proc/self/statm")?.split(separator: " "), fields.count > field,
            let count = Double(fields[field])
        else { return nil }
        return count * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static func text(of path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
