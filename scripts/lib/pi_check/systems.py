"""The systems that Raspberry Pi OS is made of, and the processors of its boards."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Processor:
    """A Pi's processor: its names in qemu and /proc/cpuinfo, and what Linux says it can do."""

    board: str
    qemu: str
    part: str
    features: str

    def cpuinfo(self, *, cores: int) -> str:
        """/proc/cpuinfo on such a Pi."""
        about = (
            f"Features\t: {self.features}\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
            f"CPU variant\t: 0x0\nCPU part\t: {self.part}\nCPU revision\t: 1\n\n"
        )
        return "".join(f"processor\t: {number}\n{about}" for number in range(cores))


# qemu's own choice is a processor that has everything. With it int8 convolutions come out as
# garbage (qemu 7.2, LiteRT 2.3), as they do on no Pi, whose processors lack what it gets wrong.
PI_3 = Processor("Pi 3", "cortex-a53", "0xd03", "fp asimd evtstrm crc32 cpuid")

PI_4 = Processor("Pi 4", "cortex-a72", "0xd08", "fp asimd evtstrm crc32 cpuid")

PI_5 = Processor(
    "Pi 5",
    "cortex-a76",
    "0xd0b",
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop "
    "asimddp",
)

# The 32-bit one that qemu has and that is nearest to a Pi 2's and to those of later ones.
ARMV7 = Processor(
    "ARMv7",
    "cortex-a15",
    "0xc0f",
    "half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm",
)


@dataclass(frozen=True)
class System:
    """A system, and the processors it is tried on.

    Attributes:
        name: on the command line and in the table.
        suite, architecture: Debian's.
        machine: qemu's name of the kind of processor.
        runtimes: those that there are for it.
        processors: the first of them has every check.
    """

    name: str
    suite: str
    architecture: str
    machine: str
    runtimes: tuple[str, ...]
    processors: tuple[Processor, ...]

    @property
    def is_32_bit(self) -> bool:
        return self.architecture == "armhf"


SYSTEMS = (
    System(
        "bookworm-arm64",
        "bookworm",
        "arm64",
        "aarch64",
        ("litert", "tflite-runtime"),
        (PI_4, PI_3, PI_5),
    ),
    System("trixie-arm64", "trixie", "arm64", "aarch64", ("litert",), (PI_5, PI_3, PI_4)),
    System("bookworm-armhf", "bookworm", "armhf", "arm", ("tflite-runtime",), (ARMV7,)),
)
