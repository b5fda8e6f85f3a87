/* Answers two questions that some hypervisors leave unanswered, so that what the chip can do can be measured.

   A virtual machine may say in CPUID leaf 7 that it has AMX, let programs use it, and end its list of leaves before
   0x1D, where the size of the tiles stands. oneDNN then sets up tiles of size 0, and the first product of two matrices
   ends the process with SIGILL. Preloaded, this makes CPUID trap (arch_prctl ARCH_SET_CPUID) and fills in the leaves
   0x1D and 0x1E as Intel's manual gives them for palette 1. Only for benchmarks, only on chips that have AMX.

   cc -O1 -shared -fPIC -o cpuid_leaves.so cpuid_leaves.c */

#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { ARCH_SET_CPUID = 0x1012, TRAP = 0, EXECUTE = 1, LAST_LEAF = 0x1e };

static void answer(int number, siginfo_t *info, void *context) {
    greg_t *at = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *code = (const unsigned char *)at[REG_RIP];
    unsigned leaf = at[REG_RAX], part = at[REG_RCX], a, b, c, d;
    (void)info;
    if (code[0] != 0x0f || code[1] != 0xa2) { /* no CPUID: a real fault, which happens again and ends the process */
        signal(number, SIG_DFL);
        return;
    }
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, EXECUTE);
    __cpuid_count(leaf, part, a, b, c, d);
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, TRAP);
    if (leaf == 0 && a < LAST_LEAF) a = LAST_LEAF;
    if (leaf == 0x1d && part == 0) a = 1, b = c = d = 0;
    if (leaf == 0x1d && part == 1) a = 1024 << 16 | 8192, b = 8 << 16 | 64, c = 16, d = 0;
    if (leaf == 0x1e && part == 0) a = 0, b = 64 << 8 | 16, c = d = 0;
    at[REG_RAX] = a, at[REG_RBX] = b, at[REG_RCX] = c, at[REG_RDX] = d;
    at[REG_RIP] += 2;
}

__attribute__((constructor)) static void begin(void) {
    struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, TRAP);
}
