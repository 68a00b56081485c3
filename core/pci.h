/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI configuration space: ECAM where the MCFG names it, else ports CF8/CFC. Registers: PCIe 5.0,
 * chapter 7. */
#ifndef CORE_PCI_H
#define CORE_PCI_H

#include "lib/acpi.h"
#include "lib/error.h"
#include "lib/types.h"

#define PCI_VENDOR_ID          0x00
#define PCI_COMMAND            0x04
#define PCI_COMMAND_IO         BIT(0)
#define PCI_COMMAND_MEMORY     BIT(1)
#define PCI_COMMAND_BUS_MASTER BIT(2)
#define PCI_STATUS             0x06
#define PCI_STATUS_CAP_LIST    BIT(4)
#define PCI_CLASS              0x08   /* revision in bits 7:0 */
#define PCI_CLASS_HOST_BRIDGE  0x0600 /* base class and subclass */
#define PCI_CLASS_DISPLAY      0x03   /* base class */
#define PCI_HEADER_TYPE        0x0e
#define PCI_HEADER_MULTI       BIT(7)
#define PCI_BAR                0x10
#define PCI_BAR_IO             BIT(0)
#define PCI_BAR_TYPE           MASK(2, 1)
#define PCI_BAR_TYPE_64        2
#define PCI_BAR_MEMORY_BITS    MASK(31, 4)
#define PCI_BAR_IO_BITS        MASK(31, 2)
#define PCI_SECONDARY_BUS      0x19 /* type 1 header */
#define PCI_ROM                0x30
#define PCI_CAP_POINTER        0x34
#define PCI_BRIDGE_ROM         0x38 /* type 1 header */

#define PCI_CAP_PM     0x01
#define PM_CONTROL     0x04       /* PMCSR */
#define PM_STATE       MASK(1, 0) /* PowerState: 0 is D0 */
#define PM_STATE_D3HOT 3
#define PM_KEEPS_STATE BIT(3) /* No_Soft_Reset */

#define PCI_CAP_PCIE          0x10
#define PCIE_CAPABILITIES     0x02 /* offsets from the capability */
#define PCIE_TYPE             MASK(7, 4)
#define PCIE_SLOT             BIT(24) /* Slot Implemented, of the dword with the header */
#define PCIE_TYPE_ROOT_PORT   4
#define PCIE_TYPE_UPSTREAM    5
#define PCIE_TYPE_DOWNSTREAM  6
#define PCIE_TYPE_RC_ENDPOINT 9
#define PCIE_TYPE_NONE        0xff /* ours: no capability */
#define PCIE_DEVICE_CAP       0x04
#define PCIE_DEVICE_CAP_FLR   BIT(28)
#define PCIE_DEVICE_CONTROL   0x08
#define PCIE_PHANTOM          BIT(9)  /* Phantom Functions Enable */
#define PCIE_NO_SNOOP         BIT(11) /* Enable No Snoop */
#define PCIE_FLR              BIT(15) /* Initiate Function Level Reset */
#define PCIE_DEVICE_STATUS    0x0a
#define PCIE_PENDING          BIT(5) /* Transactions Pending */

/* Advanced Features: function-level reset of conventional PCI. */
#define PCI_CAP_AF    0x13
#define AF_CAPABILITY 0x03
#define AF_CAP_FLR    BIT(1)
#define AF_CONTROL    0x04
#define AF_FLR        BIT(0) /* Initiate FLR */
#define AF_STATUS     0x05
#define AF_PENDING    BIT(0) /* Transactions Pending */

/* PCI 3.0, 6.8.1; the data comes after an address of 32 or 64 bits */
#define PCI_CAP_MSI 0x05
#define MSI_CONTROL 0x02
#define MSI_ENABLE  BIT(16) /* of the dword that control is the upper half of, as the next two */
#define MSI_MME     MASK(22, 20) /* multiple message enable: 2^n */
#define MSI_WIDE    BIT(23)

#define PCI_CAP_SHPC 0x0c /* hot-plug controller of a conventional bus */

/* 6.8.2 */
#define PCI_CAP_MSIX      0x11
#define MSIX_CONTROL      0x02
#define MSIX_CONTROL_SIZE MASK(10, 0) /* of the table, less one */
#define MSIX_ENABLE       BIT(15)
#define MSIX_TABLE        0x04
#define MSIX_TABLE_BAR    MASK(2, 0) /* the rest is the offset */
#define MSIX_ENTRY_SIZE   16u
#define MSIX_MASKED       BIT(32) /* of the upper half of an entry */

#define PCI_CAPS        0x40 /* where the header ends */
#define PCI_EXT_CAPS    0x100
#define PCI_EXT_CAP_ACS 0x0d
#define ACS_CAPABILITY  0x04
#define ACS_CONTROL     0x06
#define ACS_ISOLATE     (BIT(0) | MASK(4, 2)) /* source validation, redirects, upstream forwarding */
/* 10.5.1 */
#define PCI_EXT_CAP_ATS   0x0f
#define ATS_CAPABILITY    0x04
#define ATS_DEPTH         MASK(4, 0) /* invalidations that it queues; 0: 32 */
#define ATS_ALIGNED       BIT(5)     /* it asks for whole pages */
#define ATS_CONTROL       0x06       /* smallest translation unit 0: 4 KiB */
#define ATS_ENABLE        BIT(15)
#define PCI_EXT_CAP_PRI   0x13 /* page requests; control at 4 */
#define PCI_EXT_CAP_PASID 0x1b /* control at 6 */
#define PCI_EXT_CAP_SRIOV 0x10
#define SRIOV_CONTROL     0x08
#define SRIOV_VF_ENABLE   BIT(0)
#define PCI_EXT_CAP_REBAR 0x15 /* Resizable BAR */
#define REBAR_SIZE        0x34 /* of the capability with all six */

#define PCI_CONFIG_SIZE 0x1000

/* Maps the ECAM windows. E_NO_MEMORY, E_OVERLAP (a window where RAM is). */
err_t pci_init(const struct acpi_mcfg *mcfg) must_check;

/* size: 1, 2 or 4; offset a multiple of it. What is not there reads all ones. */
u32 pci_read(u32 bdf, u32 offset, u8 size);
void pci_write(u32 bdf, u32 offset, u8 size, u32 value);

/* Which register an access to an ECAM window means; false outside all windows. */
bool pci_ecam_decode(u64 pa, u32 *bdf, u32 *offset);

/* Offsets of a capability; 0 if there is none. Broken lists end the search. */
u32 pci_find_capability(u32 bdf, u8 id);
u32 pci_find_extended_capability(u32 bdf, u16 id);

/* Clears bus mastering on every function of every bus (R21, and in a panic). */
void pci_stop_bus_masters(void);

/* Calls visit for every function that answers. */
void pci_scan(void (*visit)(u32 bdf));

#endif
