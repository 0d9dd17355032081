"""How numba compiles a kernel: only machine code that runs is generated.

numba generates machine code for every function that a kernel calls, although LLVM then
copies most of them into their caller and optimises them there again.  Here a function
that a kernel calls stays a list of LLVM instructions.  It becomes machine code as a
part of its caller, or when its own address is needed.  (With empty caches, the first
training step ends 9 instead of 12.5 s after the start of the process.)

Only this file uses numba's private names for these steps.
"""

import contextlib
import gc
import inspect
import re
from collections.abc import Iterator
from typing import Any

from llvmlite import binding
from numba.core.cgutils import normalize_ir_text
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.environment import lookup_environment
from numba.core.typed_passes import NativeLowering, NopythonRewrites
from numba.core.untyped_passes import InlineClosureLikes

# passes for nested functions, and for arithmetic of whole arrays (0.45 s)
_SELDOM_USED = {InlineClosureLikes, NopythonRewrites}
_DEFINITION = re.compile(r"^define .*\)", re.MULTILINE)
_GENERIC = r'\g<0> "tune-cpu"="generic"'
_CALLEES = [False]  # the last entry: whether a callee is being compiled


@contextlib.contextmanager
def for_caller() -> Iterator[None]:
    """Generate no machine code for what is compiled in this context, only callees."""
    _CALLEES.append(True)
    try:
        yield
    finally:
        _CALLEES.pop()


class Library(JITCodeLibrary):
    """The instructions of a kernel, with those of its callees linked in."""

    _final_module: Any
    _shared_module: Any  # for callers, once one has asked for it
    may_reorder = False  # sums: fastmath's "reassoc"

    def add_ir_module(self, ir_module: Any) -> None:
        """Add instructions that numba wrote."""
        if not self.may_reorder:
            super().add_ir_module(ir_module)
            return
        module = _for_any_model(normalize_ir_text(str(ir_module)))
        module.name = ir_module.name
        self.add_llvm_module(module)

    def _optimize_final_module(self) -> None:
        """Let LLVM optimise all instructions, including those of callees."""
        if self.may_reorder:
            name = self._final_module.name
            self._final_module = _for_any_model(str(self._final_module))
            self._final_module.name = name
        super()._optimize_final_module()

    def add_linking_library(self, library: Any) -> None:
        """Note a callee; numba would generate its machine code here."""
        self._linking_libraries.append(library)

    def _get_module_for_linking(self) -> Any:
        """Return the instructions for a caller, with little optimisation so far."""
        if self._finalized:
            return super()._get_module_for_linking()
        if self._shared_module is None:
            module = self._final_module.clone()
            for library in dict.fromkeys(self._linking_libraries):
                module.link_in(library._get_module_for_linking(), preserve=True)
            for function in module.functions:
                if function.linkage == binding.Linkage.external and (
                    not function.is_declaration
                ):
                    function.linkage = "linkonce_odr"  # two callees may contain it
            self._shared_module = module
        return self._shared_module

    def _finalize_specific(self) -> None:
        """Generate machine code, and the environments that printing needs."""
        super()._finalize_specific()
        for variable in self._final_module.global_variables:
            environment = lookup_environment(variable.name)
            if environment is not None:
                self.codegen.set_env(variable.name, environment)


def _for_any_model(text: str) -> Any:
    """Return a module that LLVM optimises equally for all models of a CPU.

    LLVM splits a sum that may be reordered into parts that suit the CPU model.  Ready
    code (ready.py) is compiled for another model than that of the machine on which it
    runs.  Its results agree to the bit with those of code compiled here, because both
    are split for the model "generic".
    """
    return binding.parse_assembly(_DEFINITION.sub(_GENERIC, text))


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(NativeLowering):
    """The pass from numba's to LLVM's instructions, and on to machine code."""

    _name = "kernel_lowering"

    def run_pass(self, state: Any) -> bool:
        context, is_callee = state.targetctx, _CALLEES[-1]
        state.library = Library(context.codegen(), state.func_id.func_qualname)
        state.library.may_reorder = bool(state.flags.fastmath)
        state.library.enable_object_caching()
        state.flags.no_compile = is_callee
        super().run_pass(state)
        if is_callee:
            entry = object()  # a key for callers
            context.insert_user_function(entry, state.cr.fndesc, [state.library])
            state.cr = state.cr._replace(cfunc=entry)
        return True


class Compiler(CompilerBase):
    """numba's compiler for kernels."""

    def compile_extra(self, function: Any) -> Any:
        """Compile without Python's garbage collector, which would take 0.6 of 9 s."""
        enabled = gc.isenabled()
        gc.disable()
        try:
            return super().compile_extra(function)
        finally:
            if enabled:
                gc.enable()

    def define_pipelines(self) -> list[PassManager]:
        """Return numba's passes, except two that change nothing in most kernels."""
        usual = DefaultPassBuilder.define_nopython_pipeline(self.state)
        constants = self.state.func_id.code.co_consts
        unused = set() if any(map(inspect.iscode, constants)) else _SELDOM_USED
        passes = PassManager("kernel")
        for made, text in usual.passes:
            if made not in unused:
                passes.add_pass(_Lowering if made is NativeLowering else made, text)
        passes.finalize()
        return [passes]
