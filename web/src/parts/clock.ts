// One clock for everything that counts down or up: it ticks while somebody looks.
import { onScopeDispose, readonly, ref, type Ref } from "vue";

const now = ref(Date.now());
let readers = 0;
let timer: ReturnType<typeof setInterval> | undefined;

export function useNow(): Readonly<Ref<number>> {
  readers += 1;
  timer ??= setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 1000);
  onScopeDispose(() => {
    readers -= 1;
    if (readers === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  });
  return readonly(now);
}
