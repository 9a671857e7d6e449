# EXPECT: verdict=none
# Main waits for an event that a sleeping thread sets, others wait for a queue and a condition.
import queue
import threading

import fixture


def main():
    fixture.begin()
    event, items, condition = threading.Event(), queue.Queue(), threading.Condition()
    done = []

    def wait_condition():
        with condition:
            condition.wait_for(lambda: done)

    threads = [threading.Thread(target=items.get), threading.Thread(target=wait_condition)]
    for thread in threads:
        thread.start()

    def finish():
        fixture.stand_still()
        items.put(1)
        with condition:
            done.append(1)
            condition.notify_all()
        event.set()

    threading.Thread(target=finish).start()
    event.wait()
    for thread in threads:
        thread.join()


main()
